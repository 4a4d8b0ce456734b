/** Elements, without a library: text is always text, and no style or script stands in an attribute. */

type Child = Node | string | null | undefined | false;
type Value = string | number | boolean | null | undefined | ((event: never) => void);

/** An element with attributes, listeners (`onclick` and so on) and children. False and null leave a thing out. */
export function el<Tag extends keyof HTMLElementTagNameMap>(
  tag: Tag,
  attributes: Record<string, Value> = {},
  ...children: Child[]
): HTMLElementTagNameMap[Tag] {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (typeof value === "function") {
      element.addEventListener(name.slice(2), value as (event: Event) => void);
    } else if (value === true) {
      element.setAttribute(name, "");
    } else if (value !== false && value !== null && value !== undefined) {
      element.setAttribute(name, String(value));
    }
  }
  put(element, ...children);
  return element;
}

/** Puts children into an element, in place of those that it has. */
export function put(element: Element, ...children: Child[]): void {
  element.replaceChildren(...children.filter((child) => child !== null && child !== undefined && child !== false));
}

/**
 * The same, under the hands of somebody who may be anywhere on the page. Where the keyboard was in what goes, it is then at the
 * like of it, or at `otherwise`. Nothing is scrolled.
 */
export function exchange(element: Element, children: Child[], otherwise: HTMLElement): void {
  const had = document.activeElement;
  const inside = had instanceof HTMLElement && element.contains(had);
  put(element, ...children);
  if (inside) {
    const likes = element.querySelectorAll<HTMLElement>(had.tagName);
    const like = [...likes].find(({ textContent }) => textContent === had.textContent) ?? otherwise;
    like.tabIndex = had.tabIndex;
    like.focus({ preventScroll: true });
  }
}

export function button(words: string, onclick: () => void, className?: string): HTMLButtonElement {
  return el("button", { type: "button", class: className, onclick }, words);
}

/** A box to tick, with its label and a word of what it does. */
export function tick(label: string, hint: string | null, checked: boolean, changed: (checked: boolean) => void): HTMLElement {
  const id = freshId("tick");
  const onchange = ({ target }: { target: HTMLInputElement }) => changed(target.checked);
  return el(
    "div",
    { class: "choice" },
    el("input", { id, type: "checkbox", checked, onchange, "aria-describedby": hint !== null && `${id}-hint` }),
    el("label", { for: id }, label),
    hint !== null && el("p", { class: "hint", id: `${id}-hint` }, hint),
  );
}

/** Pairs of a name and what it is. */
export function facts(pairs: [string, Child][]): HTMLElement {
  const shown = pairs.filter(([, value]) => value !== null);
  return el("dl", {}, ...shown.flatMap(([name, value]) => [el("dt", {}, name), el("dd", {}, value)]));
}

let lastId = 0;

/** An id that nothing else on the page has. */
export function freshId(what: string): string {
  lastId += 1;
  return `${what}-${lastId}`;
}

/** How long a screen reader gets for what was said, in milliseconds. */
const SAID = 15_000;

/** Where a screen reader listens. It stands in the document from the start, since what comes with its text is not read. */
export const speaker = el("div", { class: "unseen no-print", role: "log", "aria-live": "polite" });

/** Says something to those who do not see it happen. */
export function announce(words: string): void {
  const line = el("p", {}, words);
  speaker.append(line);
  setTimeout(() => line.remove(), SAID);
}

/** Gives the keyboard and the screen reader a place that was just made; `top`: what the screen then begins with. */
export function moveTo(element: HTMLElement, top: HTMLElement = element): void {
  element.tabIndex = -1;
  element.focus({ preventScroll: true });
  const calm = matchMedia("(prefers-reduced-motion: reduce)").matches;
  top.scrollIntoView({ block: "start", behavior: calm ? "auto" : "smooth" });
}

/** Hands a file to the person. */
export function download(name: string, type: string, content: string): void {
  const url = URL.createObjectURL(new Blob([content], { type }));
  const link = el("a", { href: url, download: name });
  document.body.append(link);
  link.click();
  link.remove();
  setTimeout(() => URL.revokeObjectURL(url), 60_000);
}
