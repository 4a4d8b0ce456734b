/** What somebody who is listed can do next: deadline, places to go to, calendar, draft of a report. */
import type { Manifest } from "ceknik";
import { button, download, el, freshId, put } from "./dom";
import { day, said, t } from "./language";
import type { Wishes } from "./results";

/** Days within which a report is taken, from the day on which one knows (Perbawaslu 8/2020). */
const DAYS = 7;
/** Days after which it is worth looking whether an objection was followed. */
const AGAIN_DAYS = 14;

function inDays(days: number, from: Date): Date {
  return new Date(from.getFullYear(), from.getMonth(), from.getDate() + days);
}

/**
 * The section, for the lists on which somebody stands. `known`: since when that is known. `region`: the one that was chosen, or
 * empty for all. `alone`: the report can only be about one person.
 */
export function nextSteps(manifests: Manifest[], known: Date, region: string, alone: boolean, wishes: Wishes): HTMLElement {
  const guiding = manifests.filter(({ guidance }) => guidance.length > 0);
  const regions = [...new Set(guiding.flatMap(({ guidance }) => guidance.flatMap((entry) => entry.region ?? [])))].sort();
  const places = el("div");
  const several = guiding.length > 1;
  const show = (region: string) => put(places, ...guiding.flatMap((manifest) => placesOf(manifest, region, several)));
  show(region);
  const id = freshId("region");
  const onchange = ({ target }: { target: HTMLSelectElement }) => {
    wishes.region(target.value);
    show(target.value);
  };
  const option = (value: string, words: string) => el("option", { value, selected: value === region }, words);
  const select =
    regions.length > 0 &&
    el(
      "p",
      { class: "no-print" },
      el("label", { for: id }, `${t().region} `),
      el("select", { id, onchange }, option("", t().regionAll), ...regions.map((region) => option(region, region))),
    );
  return el(
    "section",
    { class: "card next" },
    el("h2", {}, t().nextTitle),
    el("p", {}, t().nextIntro),
    el(
      "ol",
      {},
      el("li", {}, t().nextKeep),
      el("li", {}, el("b", {}, t().nextDeadline(day(inDays(DAYS, known)), day(known))), " ", t().nextEarlier),
      el("li", {}, t().nextBring),
      guiding.length > 0 && el("li", {}, t().nextObject, select, places),
    ),
    !alone && el("p", { class: "no-print" }, t().reportEach),
    el(
      "p",
      { class: "actions no-print" },
      alone && button(t().report, () => wishes.report(0)),
      button(t().calendar, () => download("ceknik.ics", "text/calendar;charset=utf-8", calendar(known))),
    ),
  );
}

/** A list's places to go to: those for everybody and of the region, or all, where it has neither. `named`: under its title. */
function placesOf({ title, guidance }: Manifest, chosen: string, named: boolean): HTMLElement[] {
  const fitting = guidance.filter(({ region }) => chosen === "" || region === null || region === chosen);
  const entries = (fitting.length > 0 ? fitting : guidance).map((entry) =>
    el("li", {}, entry.region !== null && el("b", {}, `${entry.region}: `), said(entry), " ", link(entry.url)),
  );
  return [...(named ? [el("p", {}, `${said(title)}:`)] : []), el("ul", { class: "places" }, ...entries)];
}

/** A link to another site; of an address that is none, the text alone. */
function link(url: string): HTMLElement {
  if (!/^https?:\/\/[^/]/.test(url)) {
    return el("span", {}, url);
  }
  return el("a", { href: url, rel: "noopener noreferrer", target: "_blank" }, t().openLink(new URL(url).host));
}

/** Two days to remember, reckoned from when it was known, without a word of whose NIK (RFC 5545). */
function calendar(known: Date): string {
  const stamp = `${new Date().toISOString().replace(/[-:]/g, "").slice(0, 15)}Z`;
  const where = new URL(".", document.baseURI).href;
  const date = (days: number) => {
    const at = inDays(days, known);
    const two = (n: number) => String(n).padStart(2, "0");
    return `${at.getFullYear()}${two(at.getMonth() + 1)}${two(at.getDate())}`;
  };
  const event = (days: number, summary: string) => [
    "BEGIN:VEVENT",
    `UID:${crypto.randomUUID()}`,
    `DTSTAMP:${stamp}`,
    `DTSTART;VALUE=DATE:${date(days)}`,
    `DTEND;VALUE=DATE:${date(days + 1)}`,
    `SUMMARY:${escaped(summary)}`,
    `DESCRIPTION:${escaped(`${t().calendarNote} ${where}`)}`,
    "TRANSP:TRANSPARENT",
    "BEGIN:VALARM",
    "ACTION:DISPLAY",
    `DESCRIPTION:${escaped(summary)}`,
    "TRIGGER:-P1D",
    "END:VALARM",
    "END:VEVENT",
  ];
  const lines = [
    "BEGIN:VCALENDAR",
    "VERSION:2.0",
    "PRODID:-//ceknik//page//ID",
    ...event(DAYS, t().calendarDeadline),
    ...event(AGAIN_DAYS, t().calendarAgain),
    "END:VCALENDAR",
  ];
  return lines.map((line) => `${folded(line)}\r\n`).join("");
}

function escaped(text: string): string {
  return text.replace(/[\\;,]/g, (sign) => `\\${sign}`).replaceAll("\n", "\\n");
}

/** A line of at most 75 bytes, continued on the next with a space. */
function folded(line: string): string {
  let width = 0;
  let out = "";
  for (const sign of line) {
    const size = new TextEncoder().encode(sign).length;
    if (width + size > 75) {
      out += "\r\n ";
      width = 1;
    }
    out += sign;
    width += size;
  }
  return out;
}
