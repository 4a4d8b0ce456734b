/** Printing a part of the page. */

export type Part = "answer" | "report";

/** Prints one part. It is taken back when that is over, which `print` does not wait for everywhere. */
export function printPart(part: Part): void {
  document.body.dataset["print"] = part;
  window.print();
}

/** Whatever is folded away on the screen is on paper, also when the browser's own menu prints. */
export function preparePrinting(): void {
  let opened: HTMLDetailsElement[] = [];
  addEventListener("beforeprint", () => {
    opened = [...document.querySelectorAll<HTMLDetailsElement>("#results .list details:not([open])")];
    opened.forEach((details) => (details.open = true));
  });
  addEventListener("afterprint", () => {
    opened.forEach((details) => (details.open = false));
    delete document.body.dataset["print"];
  });
}
