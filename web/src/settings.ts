/** What can be set: contact with the service, a device that others use, appearance, and forgetting. */
import { button, el, freshId, put, tick } from "./dom";
import { moment, t } from "./language";
import * as preferences from "./preferences";
import type { Theme } from "./preferences";

export interface Choices {
  theme: Theme;
}

export interface Changed {
  shared(shared: boolean): void;
  /** Until when the lists work without a network; null where they could not be kept. */
  keep(): Promise<Date | null>;
  clear(): void;
}

/** Whether it is folded out, which stays when it is drawn anew. */
let open = false;

/** What is said of keeping lists: what it does, and then what became of it. */
const kept = el("p", { class: "hint", role: "status" });
let keptWords = () => t().keepHint;

function sayKept(words: () => string): void {
  keptWords = words;
  put(kept, words());
}

/** What was kept is so no more. */
export function keptNothing(): void {
  sayKept(() => t().keepHint);
}

export function settingsShown(set: Choices, changed: Changed): HTMLElement {
  const id = freshId("theme");
  const themes: [Theme, string][] = [
    ["auto", t().themeAuto],
    ["light", t().themeLight],
    ["dark", t().themeDark],
  ];
  const choose = ({ target }: { target: HTMLSelectElement }) => {
    set.theme = target.value as Theme;
    preferences.showTheme(set.theme);
    preferences.keepTheme(set.theme);
  };
  const keep = async () => {
    sayKept(() => t().keeping);
    const until = await changed.keep();
    sayKept(() => (until === null ? t().keepFailed : t().kept(moment(until))));
  };
  put(kept, keptWords());
  const ontoggle = ({ target }: { target: HTMLDetailsElement }) => (open = target.open);
  return el(
    "details",
    { class: "settings", open, ontoggle },
    el("summary", {}, t().settings),
    tick(t().neverContact, t().neverContactHint, preferences.addressSays(preferences.NO_CONTACT), (checked) =>
      preferences.putInAddress(preferences.NO_CONTACT, checked),
    ),
    tick(t().shared, t().sharedHint, preferences.isShared(), changed.shared),
    el(
      "p",
      {},
      el("label", { for: id }, t().theme),
      el(
        "select",
        { id, onchange: choose },
        ...themes.map(([value, words]) => el("option", { value, selected: value === set.theme }, words)),
      ),
    ),
    el("div", { class: "actions" }, button(t().keep, () => void keep())),
    kept,
    el("div", { class: "actions" }, button(t().clear, changed.clear)),
    el("p", { class: "hint" }, t().clearHint),
  );
}
