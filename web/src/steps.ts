/** The steps of a check as they are done. */
import type { Progress } from "ceknik";
import { el, put } from "./dom";
import { bytes, day, duration, t } from "./language";

type Name = "list" | "compute" | "local" | "confirm";
const NAMES: Name[] = ["list", "compute", "local", "confirm"];

export class Steps {
  readonly element: HTMLElement;
  private readonly items = new Map<Name, { item: HTMLElement; text: HTMLElement; bar: HTMLProgressElement; note: HTMLElement }>();
  private readonly aloud = el("p", { class: "unseen", role: "status" });
  private date = "";
  private fetched = 0;
  private fromCache = false;
  private began = 0;

  constructor(
    title: string,
    private readonly neverContact: boolean,
  ) {
    const list = el("ol", { class: "steps" });
    for (const name of NAMES) {
      const text = el("span", {}, this.words(name));
      const bar = el("progress", { hidden: true, "aria-hidden": "true" });
      const note = el("span", { class: "quiet" });
      const item = el("li", { "data-state": "waits" }, text, bar, note);
      this.items.set(name, { item, text, bar, note });
      list.append(item);
    }
    this.element = el("section", { class: "card" }, el("h3", {}, title), list, this.aloud);
    this.state("list", "runs");
  }

  show(progress: Progress): void {
    switch (progress.kind) {
      case "receiving":
        if (progress.of !== null && progress.of > 50_000) {
          this.bar("list", progress.bytes, progress.of);
          this.note("list", `${bytes(progress.bytes)} / ${bytes(progress.of)}`);
        }
        break;
      case "list":
        this.date = day(new Date(progress.publishedAt));
        this.fromCache = progress.fromCache;
        this.write("list", this.fromCache ? t().stepListKept(this.date) : t().stepListDone(this.date, bytes(this.fetched)));
        break;
      case "filter":
        this.fetched += progress.fromCache ? 0 : progress.bytes;
        this.fromCache &&= progress.fromCache;
        this.done("list", this.fromCache ? t().stepListKept(this.date) : t().stepListDone(this.date, bytes(progress.bytes)));
        break;
      case "computing":
        this.began = performance.now();
        this.state("compute", "runs");
        if (progress.where === "page") {
          this.note("compute", t().stepComputePage);
        }
        break;
      case "stretched": {
        const { done, of } = progress;
        if (of > 1) {
          this.write("compute", t().stepComputeOf(done, of));
          this.bar("compute", done, of);
          const left = ((performance.now() - this.began) / Math.max(1, done)) * (of - done);
          this.note("compute", done > 0 && left > 2000 ? t().stepComputeLeft(duration(left)) : "");
        }
        if (done === of) {
          this.done("compute", t().stepCompute);
        }
        break;
      }
      case "local": {
        this.done("list");
        this.done("compute");
        const { hits, misses, confirming } = progress;
        this.done("local", t().stepLocalDone(hits, misses));
        if (confirming > 0) {
          this.state("confirm", "runs");
        } else {
          this.done("confirm", this.neverContact && hits > 0 ? t().stepConfirmOff : t().stepConfirmNone);
        }
        break;
      }
      case "evaluated":
        this.bar("confirm", 1, 2);
        break;
      case "waiting":
        this.noteRunning(t().stepWaiting(duration(progress.milliseconds)));
        break;
      case "restarted":
        this.noteRunning(t().stepRestarted);
        break;
    }
  }

  /** The check ended. What had not begun was not needed. */
  end(answered: boolean): void {
    for (const [name, { item }] of this.items) {
      if (item.dataset["state"] === "runs") {
        if (answered) {
          this.done(name, name === "confirm" ? t().stepConfirmDone : undefined);
        } else {
          this.state(name, "failed");
        }
      }
    }
  }

  private words(name: Name): string {
    return { list: t().stepList, compute: t().stepCompute, local: t().stepLocal, confirm: t().stepConfirm }[name];
  }

  private state(name: Name, state: "waits" | "runs" | "done" | "failed"): void {
    const entry = this.items.get(name);
    if (entry === undefined) {
      return;
    }
    entry.item.dataset["state"] = state;
    entry.bar.hidden = state !== "runs";
    if (state === "runs") {
      this.aloud.textContent = entry.text.textContent;
    } else {
      put(entry.note);
    }
  }

  private write(name: Name, text: string): void {
    const entry = this.items.get(name);
    if (entry !== undefined) {
      entry.text.textContent = text;
    }
  }

  private done(name: Name, text?: string): void {
    if (text !== undefined) {
      this.write(name, text);
    }
    this.state(name, "done");
  }

  private bar(name: Name, value: number, max: number): void {
    const bar = this.items.get(name)?.bar;
    if (bar !== undefined) {
      bar.max = max;
      bar.value = value;
    }
  }

  private note(name: Name, text: string): void {
    const entry = this.items.get(name);
    if (entry !== undefined) {
      entry.note.textContent = text;
    }
  }

  private noteRunning(text: string): void {
    for (const [name, { item }] of this.items) {
      if (item.dataset["state"] === "runs") {
        this.note(name, text);
        this.aloud.textContent = text;
      }
    }
  }
}
