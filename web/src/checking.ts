/** A check on the page: its steps, its answers, what left the device, and trying again. */
import type { Dataset } from "ceknik";
import { ahead } from "./ahead";
import type { Whose } from "./answers";
import type { Config } from "./config";
import { device } from "./device";
import { button, el, moveTo, put } from "./dom";
import { t } from "./language";
import { Requests } from "./requests";
import { resultsShown } from "./results";
import { Retry } from "./retry";
import { lacks, retryAfter, run } from "./run";
import type { Result } from "./run";
import { Steps } from "./steps";

/** What is checked. */
export interface Question {
  settings: Config;
  lists: Dataset[];
  people: Whose[];
  neverContact: boolean;
}

export class Checking {
  readonly element = el("div", { id: "results" });
  private running: AbortController | null = null;
  private steps: Steps[] = [];
  private question: Question | null = null;
  private requests: Requests | null = null;
  private found: Result[] = [];
  private retry: Retry | null = null;
  /** Whether everybody has an answer while it is tried again for cover: then the answers stay where they are. */
  private quiet = false;

  /** `another`: the person wants to check another NIK. */
  constructor(private readonly another: () => void) {}

  /** Checks, in place of whatever was there. */
  async begin(question: Question): Promise<void> {
    this.empty();
    this.question = question;
    this.requests = new Requests(question.settings.server);
    await this.check(question, question.lists, 0);
  }

  /** Stops, and takes every NIK and answer off the screen. */
  empty(): void {
    this.running?.abort();
    this.running = null;
    this.retry?.stop();
    this.retry = null;
    this.question = null;
    this.requests = null;
    this.found = [];
    this.steps = [];
    put(this.element);
  }

  /** In the language that is chosen now. */
  redraw(): void {
    this.requests?.redraw();
    if (this.running !== null && !this.quiet) {
      this.steps.forEach((steps) => steps.redraw());
      put(this.element, ...this.progress());
    } else if (this.found.length > 0) {
      this.show(false);
    }
  }

  /** Checks some of the lists; answers of others stay. */
  private async check(question: Question, lists: Dataset[], retries: number): Promise<void> {
    const controller = new AbortController();
    const requests = this.requests ?? new Requests(question.settings.server);
    this.retry?.stop();
    this.retry = null;
    this.running = controller;
    const bySteps = new Map<string, Steps>();
    this.steps = [];
    this.quiet = this.found.length > 0 && this.found.every(answered);
    if (this.quiet) {
      this.show(false);
    } else {
      put(this.element, ...this.progress());
      moveTo(this.element.querySelector("h2") ?? this.element);
    }
    requests.add(ahead.tell());
    try {
      const found = await run(
        {
          config: question.settings,
          lists,
          niks: question.people.map(({ nik }) => nik),
          storage: device.storage,
          neverContact: question.neverContact,
          offline: !navigator.onLine,
        },
        {
          begins: (list) => {
            const steps = new Steps(list.title, question.neverContact);
            bySteps.set(list.id, steps);
            this.steps.push(steps);
            this.element.querySelector(".stack")?.append(steps.element);
          },
          request: (list, ticket, made) => requests.begin(list.id, ticket, made),
          progress: (list, progress) => {
            bySteps.get(list.id)?.show(progress);
            if (progress.kind === "responded") {
              requests.responded(list.id, progress);
            }
          },
          ended: (result) => {
            bySteps.get(result.list.id)?.end(answered(result));
          },
        },
        controller.signal,
      );
      if (controller.signal.aborted) {
        return;
      }
      this.running = null;
      requests.end();
      const old = new Map(this.found.map((result) => [result.list.id, result]));
      found.forEach((result) => old.set(result.list.id, result));
      this.found = [...old.values()];
      this.tryAgain(question, retries);
      this.show(!this.quiet);
    } catch (error) {
      if (this.running !== controller) {
        return; // Another check took its place, or the screen was emptied.
      }
      if (!controller.signal.aborted) {
        throw error;
      }
      this.running = null;
      this.steps.forEach((steps) => steps.end(false));
      requests.end();
      const words = el("p", { class: "warning" }, t().stopped);
      put(this.element, words, this.againButtons(question), requests.element);
      moveTo(words);
    }
  }

  private tryAgain(question: Question, retries: number): void {
    const wait = retryAfter(this.found, retries);
    if (wait !== null) {
      const lists = this.found.filter(lacks).map(({ list }) => list);
      this.retry = new Retry(wait, () => void this.check(question, lists, retries + 1));
    }
  }

  private progress(): HTMLElement[] {
    const stop = button(t().stop, () => this.running?.abort());
    return [
      el("h2", {}, t().steps),
      el("p", { class: "actions" }, el("span", { class: "quiet" }, t().keepOpen), stop),
      el("div", { class: "stack" }, ...this.steps.map(({ element }) => element)),
      ...(this.requests === null ? [] : [this.requests.element]),
    ];
  }

  /** Shows the answers; `move`: and goes to them. */
  private show(move: boolean): void {
    const { question, requests } = this;
    if (question === null || requests === null) {
      return;
    }
    this.retry?.redraw();
    const alone = this.found.length === 1 && question.people.length === 1;
    const shown = resultsShown(this.found, question.people, {
      confirm: () => void this.begin({ ...question, neverContact: false }),
    });
    put(
      this.element,
      shown.heading,
      this.retry?.element,
      shown.element,
      this.againButtons(question),
      requests.element,
    );
    if (move) {
      // That it is tried again stands above an answer that is alone, and is not to be scrolled past.
      moveTo(shown.focus, alone ? this.retry?.element : undefined);
    }
  }

  private againButtons(question: Question): HTMLElement {
    return el(
      "p",
      { class: "actions no-print" },
      button(t().another, this.another),
      button(t().sameAgain, () => void this.begin(question)),
    );
  }
}


/** Whether everybody has one of the answers that say something. */
function answered(result: Result): boolean {
  return "report" in result && result.report.outcomes.every(({ answer }) => answer.code !== "no_answer");
}
