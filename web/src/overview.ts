/** What a check came to, in a sentence and a table: for several people, or several lists. */
import { anchor, badge, level } from "./answers";
import type { Level, Whose } from "./answers";
import { el, moveTo } from "./dom";
import { number, said, t } from "./language";
import type { Result } from "./run";

const LEVELS: Level[] = ["listed", "maybe", "no-answer", "not-listed"];

/** How often each answer was given. */
export function summary(found: Result[], people: Whose[]): string {
  const levels = found.flatMap((result) => people.map((_, person) => level(result, person)));
  return LEVELS.map((one) => [one, levels.filter((other) => other === one).length] as const)
    .filter(([, count]) => count > 0)
    .map(([one, count]) => t().counted[one](count))
    .join(", ");
}

/** People by lists; for one person, the lists alone. */
export function overview(found: Result[], people: Whose[]): HTMLElement {
  const titles = found.map((result) => said("report" in result && result.report.list ? result.report.list.manifest.title : result.list.title));
  const cell = (list: number, person: number, result: Result) => {
    const id = anchor(list, "failed" in result ? 0 : person);
    // Without a change of the address, which may say that the device is shared.
    const onclick = (event: Event) => {
      event.preventDefault();
      moveTo(document.getElementById(id) ?? document.body);
    };
    return el("td", {}, el("a", { href: `#${id}`, onclick }, badge(level(result, person))));
  };
  const body =
    people.length === 1
      ? found.map((result, list) => el("tr", {}, el("th", { scope: "row" }, titles[list]), cell(list, 0, result)))
      : people.map(({ label }, person) =>
          el("tr", {}, el("th", { scope: "row" }, label), ...found.map((result, list) => cell(list, person, result))),
        );
  const columns = people.length === 1 ? [t().list, t().answer] : [t().who, ...titles];
  const table = el(
    "table",
    {},
    el("caption", { class: "unseen" }, t().overview),
    el("thead", {}, el("tr", {}, ...columns.map((name) => el("th", { scope: "col" }, name)))),
    el("tbody", {}, ...body),
  );
  return el(
    "section",
    { class: "card overview" },
    // Many lists are wider than a phone: this part alone is moved sideways, with the keyboard too.
    el("div", { class: "wide", tabindex: 0, role: "region", "aria-label": t().overview }, table),
    people.length > 1 && el("p", { class: "quiet" }, familyPromise(found)),
  );
}

/** What a family's check tells the service, for the list that hides it least. */
function familyPromise(found: Result[]): string {
  const groups = found.flatMap((result) =>
    "report" in result && result.report.list ? [result.report.list.manifest.disclosure.people_per_bucket] : [],
  );
  return groups.length === 0 ? t().familyWarning : t().familyPromise(number(Math.min(...groups)));
}
