/** The answers of a check, for screen and paper, and what can be done with them. */
import { answerCard } from "./answers";
import type { Whose } from "./answers";
import { button, el, tick } from "./dom";
import type { Found } from "./draft";
import { moment, t } from "./language";
import { nextSteps } from "./next";
import { overview, summary } from "./overview";
import { printPart } from "./print";
import type { Result } from "./run";

export interface Shown {
  heading: HTMLElement;
  element: HTMLElement;
  /** Where keyboard and screen reader go: it says the answer. */
  focus: HTMLElement;
}

/** Answers, and when they were had. */
export interface Answers {
  results: Result[];
  people: Whose[];
  ended: Date;
  /** When it was first known that somebody is listed; null when nobody is. */
  known: Date | null;
  /** The region that was chosen among those to which guidance is given; empty for all. */
  region: string;
}

export interface Wishes {
  /** To be certain. */
  confirm(): void;
  /** A draft of a report about a person. */
  report(person: number): void;
  region(region: string): void;
}

export function resultsShown({ results, people, ended, known, region }: Answers, wishes: Wishes): Shown {
  const alone = results.length === 1 && people.length === 1;
  const cards = results.map((result, place) => answerCard(result, place, people, alone, wishes.report));
  const manifests = results.flatMap((result) =>
    people
      .flatMap((_, person) => supports([result], person))
      .map(({ manifest }) => manifest)
      .slice(0, 1),
  );
  const confirmable = results.some(
    (result) =>
      "report" in result &&
      result.report.outcomes.some(({ answer }) => answer.code === "maybe" && answer.because !== "too_few_people"),
  );
  const printed = t().printed(moment(ended), location.origin + location.pathname);
  const heading = el("div", {}, el("p", { class: "only-print" }, printed));
  const summed = el("h2", {}, summary(results, people));
  if (!alone) {
    heading.append(summed, overview(results, people));
  }
  const { classList } = document.body;
  const element = el(
    "div",
    { class: "answers" },
    el("div", { class: "side-by-side" }, ...cards),
    confirmable && el("p", { class: "no-print" }, button(t().confirmNow, wishes.confirm, "main")),
    known !== null && manifests.length > 0 && nextSteps(manifests, known, region, people.length === 1, wishes),
    el(
      "div",
      { class: "actions no-print" },
      button(t().print, () => printPart("answer")),
      tick(t().printNik, null, classList.contains("with-nik"), (checked) => classList.toggle("with-nik", checked)),
    ),
  );
  return { heading, element, focus: alone ? (cards[0]?.querySelector("h2") ?? heading) : summed };
}

/** The lists on which a person stands, with what they say. */
export function supports(results: Result[], person: number): Found[] {
  return results.flatMap((result) => {
    if (!("report" in result) || result.report.list === null) {
      return [];
    }
    const { list, outcomes } = result.report;
    const answer = outcomes[person]?.answer;
    return answer?.code === "listed" ? [{ manifest: list.manifest, supports: answer.supports }] : [];
  });
}
