/** What can be set: contact with the service, a device that others use, appearance, and forgetting. */
import { device } from "./device";
import { button, el, freshId, tick } from "./dom";
import { t } from "./language";
import * as preferences from "./preferences";
import type { Theme } from "./preferences";

export interface Choices {
  neverContact: boolean;
  theme: Theme;
}

export interface Changed {
  shared(shared: boolean): void;
  clear(): void;
}

/** Whether it is folded out, which stays when it is drawn anew. */
let open = false;

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
    preferences.keepTheme(set.theme, device.shared);
  };
  const ontoggle = ({ target }: { target: HTMLDetailsElement }) => (open = target.open);
  return el(
    "details",
    { class: "settings", open, ontoggle },
    el("summary", {}, t().settings),
    tick(t().neverContact, t().neverContactHint, set.neverContact, (checked) => (set.neverContact = checked)),
    tick(t().shared, t().sharedHint, device.shared, changed.shared),
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
    el("div", { class: "actions" }, button(t().clear, changed.clear)),
    el("p", { class: "hint" }, t().clearHint),
  );
}
