/** Answers, in words that hold. */
import type { Outcome, Report, Text } from "ceknik";
import { el } from "./dom";
import { calendarDay, day, moment, number, said, t } from "./language";
import type { Result } from "./run";

/** Whose answer: what the person called it, and its place. */
export interface Whose {
  label: string;
  nik: string;
}

type Level = "listed" | "not-listed" | "maybe" | "no-answer";

/** All that is said of one list: whose name, date and coverage, and an answer for each person. */
export function answerCards(result: Result, people: Whose[]): HTMLElement {
  if ("failed" in result) {
    return el(
      "section",
      { class: "card" },
      el("h3", {}, said(result.list.title)),
      verdict("no-answer", t().noAnswer),
      el("p", {}, t().failed),
      el("p", { class: "quiet" }, result.failed instanceof Error ? result.failed.message : String(result.failed)),
    );
  }
  const { report } = result;
  const cards = report.outcomes.map((outcome, place) => answer(outcome, report, people[place], people.length > 1));
  return el("section", { class: "card list" }, el("h3", {}, title(result)), ...cards, listFacts(report));
}

function title({ list, report }: { list: { title: Text }; report: Report }): string {
  return said(report.list?.manifest.title ?? list.title);
}

function verdict(level: Level, words: string): HTMLElement {
  return el("p", { class: "verdict", "data-level": level }, words);
}

function answer(outcome: Outcome, report: Report, whose: Whose | undefined, several: boolean): HTMLElement {
  const body = el("div", { class: "answer" });
  if (several && whose !== undefined) {
    body.append(el("h4", {}, whose.label));
  }
  body.append(...words(outcome, report));
  body.append(...outcome.warnings.map(({ code, text }) => el("p", { class: "warning" }, t().warnings[code] ?? text)));
  if (whose !== undefined) {
    body.append(
      el("p", { class: "printed-nik only-print" }, t().printBlank),
      el("p", { class: "printed-nik-whole only-print" }, `NIK: ${whose.nik}`),
    );
  }
  return body;
}

function words({ answer, asOf }: Outcome, report: Report): HTMLElement[] {
  const date = asOf === null ? "" : day(new Date(asOf));
  switch (answer.code) {
    case "listed":
      return [
        verdict("listed", t().listed),
        el("p", { class: "lead" }, t().listedTitle),
        ...answer.supports.map(({ candidate, status, submitted }) =>
          facts([
            [t().candidate, explained(report.list?.manifest.candidates, candidate)],
            [t().status, explained(report.list?.manifest.statuses, status)],
            [t().submitted, submitted === null ? null : isoDay(submitted)],
          ]),
        ),
        el("p", { class: "calm" }, t().noGuilt),
      ];
    case "not_listed":
      return [
        verdict("not-listed", t().notListed),
        el("p", { class: "lead" }, t().notListedTitle),
        el("p", {}, t().notListedBody(date)),
      ];
    case "maybe":
      return [
        verdict("maybe", t().maybe),
        el("p", { class: "lead" }, t().maybeTitle),
        el("p", {}, t().maybeBody),
        el("p", { class: "quiet" }, t().maybeBecause[answer.because] ?? ""),
      ];
    case "no_answer": {
      const { reason, detail, passing } = answer;
      const known = t().reasons[reason] ?? (reason.startsWith("bucket_") ? t().bucketReason : answer.text);
      return [
        verdict("no-answer", t().noAnswer),
        el("p", { class: "lead" }, t().noAnswerTitle),
        el("p", {}, `${known} ${t().noAnswerBody}`),
        el("p", {}, passing ? t().noAnswerPassing : isDoubt(reason) ? t().noAnswerDoubt : ""),
        el("p", { class: "quiet" }, t().reasonCode(reason), detail === null ? "" : ` (${detail})`),
      ];
    }
  }
}

/** Reasons that have to do with this device or this list, and with no lie. */
const HARMLESS = new Set([
  "not_covered",
  "policy_damaged",
  "stale",
  "published_ahead",
  "weak",
  "out_of_memory",
  "stretch_refused",
  "offline",
  "confirmation_needed",
  "too_few_people",
  "policy_unavailable",
  "key_retired",
]);

function isDoubt(reason: string): boolean {
  return !HARMLESS.has(reason);
}

function explained(texts: Record<string, Text> | undefined, id: string): string {
  const text = texts?.[id];
  return text === undefined ? id : said(text);
}

function isoDay(date: string): string {
  const [year, month, dayOfMonth] = date.split("-").map(Number);
  return calendarDay(year ?? 0, month ?? 1, dayOfMonth ?? 1);
}

/** Pairs of a name and what it is. */
export function facts(pairs: [string, string | null][]): HTMLElement {
  const shown = pairs.filter((pair): pair is [string, string] => pair[1] !== null);
  return el("dl", {}, ...shown.flatMap(([name, value]) => [el("dt", {}, name), el("dd", {}, value)]));
}

/** Which list answers, for when, and on whose word. */
function listFacts({ list, trust }: Report): HTMLElement | null {
  if (list === null) {
    return null;
  }
  const { manifest } = list;
  const trusted = trust && { given: t().trustGiven, pinned_before: t().trustPinned, pinned_now: t().trustFirst }[trust.basis];
  return el(
    "details",
    { class: "about", open: true },
    el("summary", {}, `${t().asOf} ${day(new Date(manifest.published_at))}`),
    facts([
      [t().coverage, said(manifest.coverage)],
      [t().asOf, moment(new Date(manifest.published_at))],
      [t().validUntil, moment(new Date(manifest.valid_until))],
      [t().log, list.log],
    ]),
    trusted ? el("p", { class: "quiet" }, trusted) : null,
    el("p", { class: "quiet" }, t().familyPromise(number(manifest.disclosure.people_per_bucket))),
  );
}
