/** What left this device: every request of a check, as it is made. */
import type { Progress } from "ceknik";
import type { Made } from "./ahead";
import { button, el, put } from "./dom";
import { bytes, number, t, timeOfDay } from "./language";

/** A log of requests, and the panel that shows it. It only grows, so that what is open in it stays open. */
export class Requests {
  readonly element = el("section", { class: "card requests no-print", id: "requests" });
  private readonly made: Made[] = [];
  private readonly open = new Map<string, Made>();
  private readonly intro = el("p");
  private readonly list = el("ol", { class: "log" });
  private readonly unfolded = new Set<Made>();
  private ended = false;

  constructor(private readonly server: string) {
    this.redraw();
  }

  /** Adds requests that were made before the check. */
  add(made: Made[]): void {
    this.made.push(...made);
    this.redraw();
  }

  /** A check makes a request, or makes use of one of before. `list` tells tickets of several lists apart. */
  begin(list: string, ticket: number, made: Made): void {
    this.open.set(`${list} ${ticket}`, made);
    if (this.made.includes(made)) {
      return;
    }
    this.made.push(made);
    if (this.made.length === 1) {
      this.redraw();
    } else {
      this.list.append(this.line(made));
      this.introduce();
    }
  }

  responded(list: string, { ticket, status, bytes }: Extract<Progress, { kind: "responded" }>): void {
    const made = this.open.get(`${list} ${ticket}`);
    if (made !== undefined) {
      made.status = status;
      made.received = bytes;
      made.draw();
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
        {
          open: this.unfolded.has(made),
          ontoggle: ({ target }: { target: HTMLDetailsElement }) => this.unfolded[target.open ? "add" : "delete"](made),
        },
        el("summary", {}, el("b", {}, method), " ", el("code", {}, url.slice(this.server.length).replace(/^\/v1\//, ""))),
        el("p", { class: "quiet" }, t().leftAddress),
        el("pre", {}, url),
        el("p", { class: "quiet" }, body === null ? t().leftNoBody : t().leftBody),
        body !== null && el("pre", {}, body),
      ),
      sizes,
      el("p", {}, why(made) ?? t().tells[tells.code]?.(people) ?? tells.text),
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

/** Why a file that is the same for everybody was asked for before the button was pressed; null for what is told by itself. */
function why({ early, tells }: Made): string | null {
  return !early || tells.code !== "public_file" ? null : early === "opened" ? t().leftEarly : t().leftWanted;
}
