/** Answers, in words that hold. */
import type { CeknikError, Outcome, Report, Text } from "ceknik";
import { device } from "./device";
import { button, el, facts } from "./dom";
import { calendarDay, day, duration, moment, number, said, t } from "./language";
import type { Result } from "./run";

/** Whose answer: what the person called it, and the NIK in groups. */
export interface Whose {
  label: string;
  nik: string;
}

export type Level = "listed" | "not-listed" | "maybe" | "no-answer";

export function level(result: Result, person: number): Level {
  const code = "report" in result ? result.report.outcomes[person]?.answer.code : undefined;
  return code === "listed" || code === "maybe" ? code : code === "not_listed" ? "not-listed" : "no-answer";
}

/** Where the answer of a person in a list stands, for links. */
export function anchor(list: number, person: number): string {
  return `answer-${list + 1}-${person + 1}`;
}

/** All that is said of one list. `alone`: its one answer is all there is, and heads the page. `draft` is told about whom. */
export function answerCard(
  result: Result,
  place: number,
  people: Whose[],
  alone: boolean,
  draft: (person: number) => void,
): HTMLElement {
  const name = said("report" in result && result.report.list ? result.report.list.manifest.title : result.list.title);
  const card = el("section", { class: "card list" }, !alone && el("h3", {}, name));
  if ("failed" in result) {
    card.append(el("div", { class: "answer", id: anchor(place, 0) }, ...failure(result.failed, alone), ...printedNiks(people)));
    return card;
  }
  if (result.stopped) {
    card.append(el("p", { class: "warning" }, t().stopped));
  }
  const { report } = result;
  report.outcomes.forEach((outcome, person) => {
    const whose = people[person];
    const words = [
      ...answer(outcome, report, alone),
      ...outcome.warnings.map(({ code, text }) => el("p", { class: "warning" }, t().warnings[code] ?? text)),
      ...(whose === undefined ? [] : printedNiks([whose])),
    ];
    if (whose !== undefined && people.length > 1 && outcome.answer.code === "listed") {
      words.push(el("p", { class: "no-print" }, button(t().reportFor(whose.label), () => draft(person))));
    }
    const id = anchor(place, person);
    if (people.length === 1) {
      card.append(el("div", { class: "answer", id }, verdict(level(result, person), alone ? "h2" : "p"), ...words));
    } else {
      const title = el("summary", {}, el("h4", {}, whose?.label ?? ""), verdict(level(result, person), "span"));
      // Who is not listed has read all there is.
      const open = outcome.answer.code !== "not_listed" || outcome.warnings.length > 0;
      card.append(el("details", { class: "answer", id, open, tabindex: -1 }, title, ...words));
    }
  });
  card.append(...aboutList(report, alone ? name : null));
  return card;
}

/** An answer in a word. */
export function badge(level: Level): HTMLElement {
  return el("span", { class: "badge", "data-level": level }, t().short[level]);
}

function verdict(level: Level, tag: "h2" | "p" | "span"): HTMLElement {
  return el(tag, { class: "verdict", "data-level": level }, t().verdicts[level]);
}

function answer({ answer, asOf, local }: Outcome, report: Report, alone: boolean): (HTMLElement | string)[] {
  const date = asOf === null ? "" : day(new Date(asOf));
  switch (answer.code) {
    case "listed":
      return [
        el("p", { class: "lead" }, t().listedTitle),
        ...answer.supports.map(({ candidate, status, submitted }) =>
          facts([
            [t().candidate, explained(report.list?.manifest.candidates, candidate)],
            [t().status, explained(report.list?.manifest.statuses, status)],
            [t().submitted, submitted === null ? null : isoDay(submitted)],
            // Of one answer alone, the list is told right below.
            [t().asOf, alone ? null : date],
          ]),
        ),
        el("p", { class: "calm" }, t().noGuilt),
      ];
    case "not_listed":
      return [
        el("p", { class: "lead" }, t().notListedTitle),
        el("p", {}, t().notListedBody(date)),
        ...(local === "miss" ? [el("p", {}, t().notListedLocal)] : []),
      ];
    case "maybe":
      return [
        el("p", { class: "lead" }, t().maybeTitle),
        el("p", {}, t().maybeBody),
        el("p", {}, t().maybeBecause[answer.because] ?? ""),
      ];
    case "no_answer": {
      const { reason, detail, expired, retryAfter, passing } = answer;
      const known = t().reasons[reason] ?? (reason.startsWith("bucket_") ? t().bucketReason : answer.text);
      const calming = passing || HARMLESS.has(reason) ? (passing ? t().noAnswerPassing : "") : t().noAnswerDoubt;
      return [
        el("p", { class: "lead" }, t().noAnswerTitle),
        ...(expired === null ? [] : [el("p", {}, t().expired(moment(new Date(expired))))]),
        el("p", {}, known),
        ...(retryAfter === null ? [] : [el("p", {}, t().noAnswerWait(duration(1000 * retryAfter)))]),
        ...(calming === "" ? [] : [el("p", {}, calming)]),
        el("p", { class: "quiet" }, t().reasonCode(reason), detail !== null && el("span", { lang: "en" }, ` (${detail})`)),
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

/** There could be no check at all, or none to the end. */
function failure(error: unknown, alone: boolean): HTMLElement[] {
  const { code, message } = (error ?? {}) as Partial<CeknikError>;
  return [
    verdict("no-answer", alone ? "h2" : "p"),
    el("p", { class: "lead" }, t().noAnswerTitle),
    el("p", {}, error === null ? t().stopped : (code && t().failures[code]) || t().failed),
    ...(error === null ? [] : [el("p", { class: "quiet", lang: "en" }, message ?? String(error))]),
  ];
}

/** On paper: a line to fill in by hand, or the NIK where that was asked for. */
function printedNiks(people: Whose[]): HTMLElement[] {
  return people.flatMap(({ nik }) => [
    el("p", { class: "printed-nik only-print" }, t().printBlank),
    el("p", { class: "printed-nik-whole only-print" }, `NIK: ${nik}`),
  ]);
}

function explained(texts: Record<string, Text> | undefined, id: string): string {
  const text = texts?.[id];
  return text === undefined ? id : said(text);
}

function isoDay(date: string): string {
  const [year, month, dayOfMonth] = date.split("-").map(Number);
  return calendarDay(year ?? 0, month ?? 1, dayOfMonth ?? 1);
}

/** Which list answers, for when and for whom, and on whose word. `name`: where no heading has it. */
function aboutList({ list, trust }: Report, name: string | null): HTMLElement[] {
  if (list === null) {
    return [];
  }
  const { manifest, log, logIndex, sha256 } = list;
  // While a NIK was typed it may have been pinned already, which is no earlier visit.
  const by = trust?.basis === "pinned_before" && device.pinned ? "pinned_now" : trust?.basis;
  const basis = by && { given: t().trustGiven, pinned_before: t().trustPinned, pinned_now: t().trustFirst }[by];
  return [
    facts([
      [t().list, name],
      [t().asOf, moment(new Date(manifest.published_at))],
      [t().coverage, said(manifest.coverage)],
      [t().validUntil, moment(new Date(manifest.valid_until))],
    ]),
    el(
      "details",
      { class: "about" },
      el("summary", {}, t().trust),
      basis && el("p", {}, basis),
      by === "pinned_now" && el("p", {}, t().trustCompare),
      facts([
        [t().log, el("code", {}, log)],
        [t().witnesses, trust && (trust.witnesses.length === 0 ? t().noWitnesses : trust.witnesses.join(", "))],
        [t().edition, `${number(manifest.epoch)} (${t().logPlace(number(logIndex))})`],
        ["SHA-256", el("code", {}, sha256)],
      ]),
    ),
  ];
}
