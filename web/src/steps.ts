/** The steps of a check as they are done. What is shown is counted; where nothing can be counted, no bar is shown. */
import type { Progress } from "ceknik";
import { announce, el } from "./dom";
import { bytes, day, duration, said, t } from "./language";

type Name = "list" | "compute" | "local" | "confirm";
type State = "waits" | "runs" | "done" | "failed";
const NAMES: Name[] = ["list", "compute", "local", "confirm"];
/** A file of at least so many bytes gets a bar. */
const WORTH_A_BAR = 50_000;
/** After so many milliseconds it is said that it still goes on. */
const SLOW = 4_000;

/** Reasons to wait of which the service said nothing. */
const SILENT = new Set(["unreachable", "timed_out", "interrupted"]);

/** Words are functions, so that they can be said again in another language. */
interface Step {
  state: State;
  text: () => string;
  note: () => string;
  /** What is done, of how much; null where that is not known. */
  part: [number, number] | null;
  draw: () => void;
}

const nothing = () => "";

export class Steps {
  readonly element = el("section", { class: "card" });
  private readonly steps: Record<Name, Step>;
  private readonly title = el("h3");
  /** Step and bytes of every file that is being received. */
  private readonly files = new Map<number, { step: Name; begun: number; bytes: number; of: number | null }>();
  private fetched = 0;
  private date = new Date();
  private buckets = { fetched: 0, of: 0 };
  private began = 0;
  private clock: ReturnType<typeof setInterval> | undefined;

  constructor(
    private readonly name: { id: string; en: string },
    private readonly neverContact: boolean,
  ) {
    const list = el("ol", { class: "steps" });
    const step = (name: Name, text: () => string) => {
      const { item, step } = drawn(name, text);
      list.append(item);
      return step;
    };
    this.steps = {
      list: step("list", () => t().stepList),
      compute: step("compute", () => t().stepCompute),
      local: step("local", () => t().stepLocal),
      confirm: step("confirm", () => t().stepConfirm),
    };
    this.element.append(this.title, list);
    this.redraw();
    this.change("list", { state: "runs" });
  }

  /** In the language that is chosen now. */
  redraw(): void {
    this.title.textContent = said(this.name);
    NAMES.forEach((name) => this.steps[name].draw());
  }

  show(progress: Progress): void {
    switch (progress.kind) {
      case "request": {
        const { code } = progress.tells;
        const step = code === "blinded_elements" || code === "bucket" ? "confirm" : "list";
        this.files.set(progress.ticket, { step, begun: performance.now(), bytes: 0, of: null });
        break;
      }
      case "receiving": {
        const file = this.files.get(progress.ticket);
        if (file !== undefined) {
          Object.assign(file, { bytes: progress.bytes, of: progress.of });
          this.receiving(file.step);
        }
        break;
      }
      case "responded":
        this.responded(progress.ticket, progress.bytes);
        break;
      case "list":
        this.date = new Date(progress.publishedAt);
        // Its filter is still to come.
        this.change("list", { text: progress.fromCache ? () => t().stepListOf(day(this.date)) : this.listed(this.fetched) });
        break;
      case "filter":
        this.done("list", this.listed(progress.fromCache ? null : progress.bytes));
        break;
      case "computing":
        this.computing(progress.where);
        break;
      case "stretched":
        this.stretched(progress.done, progress.of);
        break;
      case "local":
        this.local(progress.hits, progress.misses, progress.confirming);
        break;
      case "evaluated":
        this.buckets = { fetched: 0, of: progress.buckets };
        this.change("confirm", { part: [1, progress.buckets + 1] });
        break;
      case "waiting":
        this.waiting(progress.milliseconds, progress.because.code);
        break;
      case "restarted":
        this.noteRunning(() => t().stepRestarted);
        break;
    }
  }

  /** The check ended. */
  end(answered: boolean): void {
    this.stopClock();
    for (const name of NAMES) {
      if (this.steps[name].state === "runs") {
        if (answered) {
          this.done(name, name === "confirm" ? () => t().stepConfirmDone : undefined);
        } else {
          this.change(name, { state: "failed", note: nothing, part: null });
        }
      }
    }
  }

  private listed(size: number | null): () => string {
    const { date } = this;
    return () => (size === null ? t().stepListKept(day(date)) : t().stepListDone(day(date), bytes(size)));
  }

  /** Counts the large files of a step together. */
  private receiving(step: Name): void {
    const files = [...this.files.values()].filter((file) => file.step === step && (file.of ?? 0) >= WORTH_A_BAR);
    if (step === "list" && files.length > 0) {
      const got = files.reduce((sum, file) => sum + file.bytes, 0);
      const all = files.reduce((sum, file) => sum + (file.of ?? 0), 0);
      const took = performance.now() - Math.min(...files.map(({ begun }) => begun));
      const left = (took / got) * (all - got);
      this.change(step, {
        part: [got, all],
        note: () => `${bytes(got)} / ${bytes(all)}${took > 1000 && left > 2000 ? `, ${t().stepLeft(duration(left))}` : ""}`,
      });
    }
  }

  private responded(ticket: number, size: number): void {
    const file = this.files.get(ticket);
    if (file?.step === "list") {
      this.fetched += size;
    } else if (file?.step === "confirm" && this.buckets.of > 0) {
      this.buckets.fetched += 1;
      this.change("confirm", { part: [1 + Math.min(this.buckets.fetched, this.buckets.of), 1 + this.buckets.of] });
    }
  }

  private computing(where: "worker" | "page"): void {
    if (this.steps.compute.state === "runs") {
      return;
    }
    this.began = performance.now();
    this.change("compute", { state: "runs", note: () => (where === "page" ? t().stepComputePage : "") });
    if (where === "worker") {
      this.startClock(() => {
        const took = performance.now() - this.began;
        if (took > SLOW && this.steps.compute.part === null) {
          this.change("compute", { note: () => t().stepComputeSlow(duration(took)) });
        }
      });
    }
  }

  private stretched(done: number, of: number): void {
    if (of > 1) {
      const left = (1000 * Math.ceil((performance.now() - this.began) / 1000 / Math.max(1, done))) * (of - done);
      this.change("compute", {
        text: () => t().stepComputeOf(done, of),
        part: [done, of],
        note: () => (done > 0 && left > 2000 ? t().stepLeft(duration(left)) : ""),
      });
    }
    if (done === of) {
      this.stopClock();
      this.done("compute", () => t().stepComputeDone);
    }
  }

  private local(hits: number, misses: number, confirming: number): void {
    this.stopClock();
    this.done("list");
    this.done("compute", () => t().stepComputeDone);
    this.done("local", () => t().stepLocalDone(hits, misses));
    announce(t().stepLocalDone(hits, misses));
    if (confirming > 0) {
      this.change("confirm", { state: "runs" });
    } else {
      this.done("confirm", () => (this.neverContact && hits > 0 ? t().stepConfirmOff : t().stepConfirmNone));
    }
  }

  private waiting(milliseconds: number, because: string): void {
    const until = performance.now() + milliseconds;
    const words = () => (SILENT.has(because) ? t().stepWaitingSilent : t().stepWaiting)(duration(until - performance.now()));
    announce(words());
    this.noteRunning(words);
    this.startClock(() => {
      if (performance.now() < until) {
        this.noteRunning(words);
      } else {
        this.stopClock();
        this.noteRunning(nothing);
      }
    });
  }

  private startClock(strike: () => void): void {
    this.stopClock();
    this.clock = setInterval(strike, 1000);
  }

  private stopClock(): void {
    clearInterval(this.clock);
  }

  private change(name: Name, changes: Partial<Step>): void {
    const step = this.steps[name];
    const begins = changes.state === "runs" && step.state !== "runs";
    Object.assign(step, changes);
    step.draw();
    if (begins) {
      announce(step.text());
    }
  }

  private done(name: Name, text = this.steps[name].text): void {
    this.change(name, { state: "done", text, note: nothing, part: null });
  }

  private noteRunning(note: () => string): void {
    for (const name of NAMES) {
      if (this.steps[name].state === "runs") {
        this.change(name, { note });
      }
    }
  }
}

function drawn(name: Name, text: () => string): { item: HTMLElement; step: Step } {
  const words = el("span");
  const stands = el("span", { class: "unseen" });
  const bar = el("progress");
  const note = el("span", { class: "quiet" });
  const item = el("li", { "data-step": name }, words, stands, bar, note);
  const step: Step = {
    state: "waits",
    text,
    note: nothing,
    part: null,
    draw: () => {
      item.dataset["state"] = step.state;
      words.textContent = step.text();
      stands.textContent = ` (${t().stepStates[step.state]})`;
      note.textContent = step.note();
      bar.hidden = step.state !== "runs" || step.part === null;
      bar.setAttribute("aria-label", step.text());
      [bar.value, bar.max] = step.part ?? [0, 1];
    },
  };
  return { item, step };
}
