/** The answers of a check, for screen and paper, and what can be done with them. */
import { answerCard } from "./answers";
import type { Whose } from "./answers";
import { button, el, moveTo, put, tick } from "./dom";
import { draft } from "./draft";
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

/** `confirm`: the person wants to be certain. */
export function resultsShown(found: Result[], people: Whose[], { confirm }: { confirm: () => void }): Shown {
  const alone = found.length === 1 && people.length === 1;
  const cards = found.map((result, place) => answerCard(result, place, people, alone));
  const listed = supports(found);
  const manifests = [...new Map(listed.map(({ manifest }) => [manifest.dataset, manifest])).values()];
  const confirmable = found.some(
    (result) =>
      "report" in result &&
      result.report.outcomes.some(({ answer }) => answer.code === "maybe" && answer.because !== "too_few_people"),
  );
  const report = el("div");
  const openReport = () => {
    put(report, draft(listed, () => put(report)));
    moveTo(report.querySelector("h2") ?? report);
  };
  const heading = el("div", {}, el("p", { class: "only-print" }, t().printed(moment(new Date()), location.origin + location.pathname)));
  const summed = el("h2", {}, summary(found, people));
  if (!alone) {
    heading.append(summed, overview(found, people));
  }
  const element = el("div", { class: "answers" });
  put(
    element,
    el("div", { class: "side-by-side" }, ...cards),
    confirmable && el("p", { class: "no-print" }, button(t().confirmNow, confirm, "main")),
    manifests.length > 0 && nextSteps(manifests, openReport),
    report,
    el(
      "div",
      { class: "actions no-print" },
      button(t().print, () => printPart("answer")),
      tick(t().printNik, null, false, (checked) => document.body.classList.toggle("with-nik", checked)),
    ),
  );
  document.body.classList.remove("with-nik");
  return { heading, element, focus: alone ? (cards[0]?.querySelector("h2") ?? heading) : summed };
}

/** The lists on which somebody stands, with what they say. */
function supports(found: Result[]): Found[] {
  return found.flatMap((result) => {
    if (!("report" in result) || result.report.list === null) {
      return [];
    }
    const { list, outcomes } = result.report;
    return outcomes.flatMap(({ answer }) =>
      answer.code === "listed" ? [{ manifest: list.manifest, supports: answer.supports }] : [],
    );
  });
}

