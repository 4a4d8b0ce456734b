/** What somebody who is listed can do next: deadline, places to go to, calendar, draft of a report. */
import type { Manifest } from "ceknik";
import { button, download, el, freshId, put } from "./dom";
import { day, said, t } from "./language";

/** Days within which a report is taken, from the day on which one knows (Perbawaslu 8/2020). */
const DAYS = 7;
/** Days after which it is worth looking whether an objection was followed. */
const AGAIN_DAYS = 14;

export function inDays(days: number, from = new Date()): Date {
  return new Date(from.getFullYear(), from.getMonth(), from.getDate() + days);
}

/** The section, for the lists on which somebody stands. */
export function nextSteps(manifests: Manifest[], report: () => void): HTMLElement {
  const guidance = manifests.flatMap((manifest) => manifest.guidance);
  const regions = [...new Set(guidance.flatMap(({ region }) => (region === null ? [] : [region])))].sort();
  const places = el("ul", { class: "places" });
  const show = (region: string) => {
    const fitting = guidance.filter((entry) => entry.region === null || entry.region === region);
    put(
      places,
      ...fitting.map((entry) =>
        el(
          "li",
          {},
          entry.region !== null && el("b", {}, `${entry.region}: `),
          said(entry),
          " ",
          link(entry.url),
        ),
      ),
    );
  };
  show("");
  const id = freshId("region");
  const select =
    regions.length > 0 &&
    el(
      "p",
      { class: "no-print" },
      el("label", { for: id }, `${t().region} `),
      el(
        "select",
        { id, onchange: (event: Event) => show((event.target as HTMLSelectElement).value) },
        el("option", { value: "" }, t().regionAll),
        ...regions.map((region) => el("option", { value: region }, region)),
      ),
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
      el("li", {}, el("b", {}, t().nextDeadline(day(inDays(DAYS))))),
      el("li", {}, t().nextBring),
      guidance.length > 0 && el("li", {}, t().nextObject, select, places),
    ),
    el(
      "p",
      { class: "actions no-print" },
      button(t().report, report),
      button(t().calendar, () => download("ceknik.ics", "text/calendar;charset=utf-8", calendar())),
    ),
  );
}

/** A link to another site; of an address that is none, the text alone. */
function link(url: string): HTMLElement {
  if (!/^https?:\/\/[^/]/.test(url)) {
    return el("span", {}, url);
  }
  return el("a", { href: url, rel: "noopener noreferrer", target: "_blank" }, t().openLink(new URL(url).host));
}

/** Two days to remember, without a word of whose NIK (RFC 5545). */
export function calendar(now = new Date()): string {
  const stamp = `${now.toISOString().replace(/[-:]/g, "").slice(0, 15)}Z`;
  const where = new URL(".", document.baseURI).href;
  const date = (days: number) => {
    const at = inDays(days, now);
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
