/** What left this device: every request of a check, as it is made. */
import type { Progress } from "ceknik";
import { button, el, put } from "./dom";
import { bytes, number, t, timeOfDay } from "./language";

interface Made {
  at: Date;
  method: string;
  url: string;
  body: string | null;
  tells: Extract<Progress, { kind: "request" }>["tells"];
  status: number | null;
  /** Null while the response is on its way. */
  received: number | null;
  /** Shows what came back. */
  draw: () => void;
}

/** A log of requests, and the panel that shows it. It only grows, so that what is open in it stays open. */
export class Requests {
  readonly element = el("section", { class: "card requests no-print", id: "requests" });
  private readonly made: Made[] = [];
  private readonly open = new Map<string, Made>();
  private readonly intro = el("p");
  private readonly list = el("ol", { class: "log" });
  private ended = false;

  constructor(private readonly server: string) {
    this.redraw();
  }

  /** Takes in what a check says of its requests. `list` tells tickets of several lists apart. */
  progress(list: string, progress: Progress): void {
    if (progress.kind === "request") {
      const { method, url, body, tells } = progress;
      const made: Made = { at: new Date(), method, url, body, tells, status: null, received: null, draw: () => undefined };
      this.made.push(made);
      this.open.set(`${list} ${progress.ticket}`, made);
      if (this.made.length === 1) {
        this.redraw();
      } else {
        this.list.append(this.line(made));
        this.introduce();
      }
    } else if (progress.kind === "responded") {
      const made = this.open.get(`${list} ${progress.ticket}`);
      if (made !== undefined) {
        made.status = progress.status;
        made.received = progress.bytes;
        made.draw();
      }
    }
  }

  /** Nothing more will come. */
  end(): void {
    this.ended = true;
    this.introduce();
  }

  /** In the language that is chosen now. */
  redraw(): void {
    this.introduce();
    put(this.list, ...this.made.map((made) => this.line(made)));
    put(this.element, el("h2", {}, t().left), this.intro, this.list, this.made.length > 0 && this.copying());
  }

  private introduce(): void {
    const { length } = this.made;
    this.intro.textContent = length > 0 ? t().leftIntro(length, this.server) : this.ended ? t().leftNoneOffline : t().leftNone;
  }

  private line(made: Made): HTMLElement {
    const { at, method, url, body, tells } = made;
    const sizes = el("span", { class: "quiet" });
    made.draw = () => {
      const received =
        made.received === null ? "…" : made.status === null ? t().leftUnanswered : t().leftReceived(bytes(made.received));
      const sent = t().leftSent(bytes(new TextEncoder().encode(body ?? "").length));
      sizes.textContent = [timeOfDay(at), sent, received, made.status].filter((part) => part !== null).join(" · ");
    };
    made.draw();
    const people = tells.people === undefined ? "" : number(tells.people);
    return el(
      "li",
      {},
      el(
        "details",
        {},
        el("summary", {}, el("b", {}, method), " ", el("code", {}, url.slice(this.server.length).replace(/^\/v1\//, ""))),
        el("p", { class: "quiet" }, t().leftAddress),
        el("pre", {}, url),
        el("p", { class: "quiet" }, body === null ? t().leftNoBody : t().leftBody),
        body !== null && el("pre", {}, body),
      ),
      sizes,
      el("p", {}, t().tells[tells.code]?.(people) ?? tells.text),
    );
  }

  private copying(): HTMLElement {
    const told = el("p", { role: "status" });
    const text = el("textarea", { class: "copied", readonly: true, rows: 6, hidden: true, "aria-label": t().leftCopy });
    const copy = async () => {
      text.value = this.text();
      try {
        await navigator.clipboard.writeText(text.value);
        text.hidden = true;
        told.textContent = t().leftCopied;
      } catch {
        // No permission, as in many apps' browsers: the text is shown and selected.
        text.hidden = false;
        text.focus();
        text.select();
        told.textContent = document.execCommand("copy") ? t().leftCopied : t().leftSelected;
      }
    };
    return el(
      "div",
      {},
      button(t().leftCopy, () => void copy(), "small"),
      told,
      text,
      el("p", { class: "quiet" }, t().leftCompare),
    );
  }

  /** The log as text. */
  private text(): string {
    return this.made
      .map(({ at, method, url, body, status, received }) =>
        [`${at.toISOString()} ${method} ${url} -> ${status ?? "-"} ${received ?? 0} B`, body].filter(Boolean).join("\n"),
      )
      .join("\n");
  }
}
