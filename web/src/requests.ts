/** What left this device: every request of a check, as it is made. */
import type { Progress } from "ceknik";
import { el, put } from "./dom";
import { bytes, number, t, timeOfDay } from "./language";

interface Made {
  at: Date;
  method: string;
  url: string;
  body: string | null;
  tells: Extract<Progress, { kind: "request" }>["tells"];
  status: number | null;
  received: number;
}

/** A log of requests, and the panel that shows it. */
export class Requests {
  readonly element = el("section", { class: "card requests", id: "requests" });
  private readonly made: Made[] = [];
  private open = new Map<string, Made>();
  private ended = false;

  constructor() {
    this.show();
  }

  /** Takes in what a check says of its requests. `list` tells tickets of several lists apart. */
  progress(list: string, progress: Progress): void {
    if (progress.kind === "request") {
      const { method, url, body, tells } = progress;
      const made = { at: new Date(), method, url, body, tells, status: null, received: 0 };
      this.made.push(made);
      this.open.set(`${list} ${progress.ticket}`, made);
    } else if (progress.kind === "responded") {
      const made = this.open.get(`${list} ${progress.ticket}`);
      if (made !== undefined) {
        made.status = progress.status;
        made.received = progress.bytes;
      }
    } else {
      return;
    }
    this.show();
  }

  /** Nothing more will come. */
  end(): void {
    this.ended = true;
    this.show();
  }

  private show(): void {
    const intro =
      this.made.length > 0 ? t().leftIntro(this.made.length) : this.ended ? t().leftNoneOffline : t().leftNone;
    const copied = el("span", { role: "status" });
    put(
      this.element,
      el("h2", {}, t().left),
      el("p", {}, intro),
      this.made.length > 0 && el("ol", { class: "log" }, ...this.made.map(shown)),
      this.made.length > 0 &&
        el(
          "p",
          {},
          el(
            "button",
            {
              type: "button",
              class: "small",
              onclick: () => {
                void navigator.clipboard.writeText(this.text()).then(() => (copied.textContent = t().leftCopied));
              },
            },
            t().leftCopy,
          ),
          " ",
          copied,
        ),
      this.made.length > 0 && el("p", { class: "quiet" }, t().leftCompare),
    );
  }

  /** The log as text. */
  private text(): string {
    return this.made
      .map(({ at, method, url, body, status, received }) =>
        [`${at.toISOString()} ${method} ${url} -> ${status ?? "-"} ${received} B`, body].filter(Boolean).join("\n"),
      )
      .join("\n");
  }
}

function shown({ at, method, url, body, tells, status, received }: Made): HTMLElement {
  const people = tells.people === undefined ? "" : number(tells.people);
  return el(
    "li",
    {},
    el(
      "details",
      {},
      el(
        "summary",
        {},
        el("span", { class: "quiet" }, timeOfDay(at)),
        " ",
        el("b", {}, method),
        " ",
        el("code", {}, url),
        " ",
        el(
          "span",
          { class: "quiet" },
          `${t().leftSent(bytes(new TextEncoder().encode(body ?? "").length))}, ${
            status === null ? t().leftUnanswered : `${status}, ${t().leftReceived(bytes(received))}`
          }`,
        ),
      ),
      el("p", {}, t().tells[tells.code]?.(people) ?? tells.text),
      body === null ? el("p", { class: "quiet" }, t().leftNoBody) : el("p", { class: "quiet" }, t().leftBody),
      body !== null && el("pre", { tabindex: 0 }, el("code", {}, body)),
    ),
  );
}
