/** A check on the page: its steps, its answers, what left the device, and trying again. */
import type { Dataset } from "ceknik";
import { ahead } from "./ahead";
import type { Whose } from "./answers";
import type { Config } from "./config";
import { device } from "./device";
import { announce, button, el, exchange, moveTo, put } from "./dom";
import { draft } from "./draft";
import { t } from "./language";
import { summary } from "./overview";
import { Requests } from "./requests";
import { resultsShown, supports } from "./results";
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

/** Parts of the page, from above. Each is drawn anew by itself, so that what somebody writes in a draft is never touched. */
interface Parts {
  heading: HTMLElement;
  /** What is being done, or when it is tried again. */
  doing: HTMLElement;
  answers: HTMLElement;
  draft: HTMLElement;
  again: HTMLElement;
}

export class Checking {
  readonly element = el("div", { id: "results" });
  private readonly parts: Parts = {
    heading: el("div"),
    doing: el("div"),
    answers: el("div"),
    draft: el("div", { class: "drafts" }),
    again: el("div"),
  };
  private running: AbortController | null = null;
  private steps: Steps[] = [];
  private question: Question | null = null;
  private requests: Requests | null = null;
  /** By list. */
  private found = new Map<string, Result>();
  /** When a check ended last; null before the first did. */
  private ended: Date | null = null;
  /** When it was first known that somebody is listed. */
  private known: Date | null = null;
  private region = "";
  /** By person, as far as they are being written. */
  private readonly drafts = new Map<number, HTMLElement>();
  private retry: Retry | null = null;
  /** Whether everybody has an answer while it is tried again for cover: then nothing is said of it. */
  private quiet = false;
  /** Where keyboard and screen reader are led to. */
  private focus: HTMLElement = this.element;

  /** `another`: the person wants to check another NIK. */
  constructor(private readonly another: () => void) {}

  /** Checks, in place of whatever was there. */
  async begin(question: Question): Promise<void> {
    this.empty();
    this.question = question;
    this.requests = new Requests(question.settings.server);
    put(this.element, ...Object.values(this.parts), this.requests.element);
    await this.check(question, question.lists, 0, true);
  }

  /** Stops, and takes every NIK and answer off the screen. */
  empty(): void {
    this.running?.abort();
    this.running = null;
    this.retry?.stop();
    this.retry = null;
    this.question = null;
    this.requests = null;
    this.found.clear();
    this.ended = this.known = null;
    this.region = "";
    this.drafts.clear();
    this.steps = [];
    this.focus = this.element;
    document.body.classList.remove("with-nik");
    for (const part of [this.element, ...Object.values(this.parts)]) {
      put(part);
    }
  }

  /** In the language that is chosen now. */
  redraw(): void {
    if (this.question !== null) {
      this.requests?.redraw();
      this.steps.forEach((steps) => steps.redraw());
      this.retry?.redraw();
      this.showAnswers(this.question);
      this.showDoing();
    }
  }

  /** Checks some of the lists; answers of others stay. `wished`: somebody asked for it, and is led to it. */
  private async check(question: Question, lists: Dataset[], retries: number, wished: boolean): Promise<void> {
    const controller = new AbortController();
    const requests = this.requests ?? new Requests(question.settings.server);
    this.retry?.stop();
    this.retry = null;
    this.running = controller;
    const bySteps = new Map<string, Steps>();
    this.steps = [];
    this.quiet = this.ended !== null && [...this.found.values()].every(answered);
    this.showDoing();
    if (wished) {
      moveTo(this.parts.doing.querySelector("h2") ?? this.focus);
    }
    requests.add(ahead.tell());
    const ended = new Set<string>();
    await run(
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
          if (this.running === controller) {
            ended.add(result.list.id);
            this.found.set(result.list.id, result);
          }
        },
      },
      controller.signal,
    );
    bySteps.forEach((steps) => steps.end(false));
    if (this.running !== controller) {
      return; // Another check took its place, or the screen was emptied.
    }
    this.running = null;
    this.steps = [];
    requests.end();
    for (const list of lists.filter(({ id }) => !ended.has(id))) {
      this.found.set(list.id, { ...(this.found.get(list.id) ?? { list, failed: null }), stopped: true });
    }
    const results = [...this.found.values()];
    this.ended = new Date();
    if (question.people.some((_, person) => supports(results, person).length > 0)) {
      this.known ??= this.ended;
    }
    const wait = retryAfter(results, retries);
    if (wait !== null && ended.size === lists.length) {
      const lacking = results.filter(lacks).map(({ list }) => list);
      this.retry = new Retry(wait, (wished) => void this.check(question, lacking, retries + 1, wished));
    }
    this.showAnswers(question);
    this.showDoing();
    if (wished && this.here()) {
      // That it is tried again stands above an answer that is alone, and is not to be scrolled past.
      const alone = results.length === 1 && question.people.length === 1;
      moveTo(this.focus, alone ? this.retry?.element : undefined);
    } else if (!this.quiet) {
      announce(summary(results, question.people));
    }
  }

  /** Whether nobody has gone elsewhere, to a draft or another NIK. */
  private here(): boolean {
    const { activeElement } = document;
    return activeElement === document.body || (this.element.contains(activeElement) && !this.parts.draft.contains(activeElement));
  }

  private showDoing(): void {
    const progress = this.running !== null && !this.quiet && this.progress();
    exchange(this.parts.doing, [progress || this.retry?.element], this.focus);
  }

  private progress(): HTMLElement {
    const stop = button(t().stop, () => this.running?.abort());
    return el(
      "div",
      { class: "no-print" },
      el("h2", {}, t().steps),
      el("p", { class: "actions" }, el("span", { class: "quiet" }, t().keepOpen), stop),
      el("div", { class: "stack" }, ...this.steps.map(({ element }) => element)),
    );
  }

  private showAnswers(question: Question): void {
    const { ended, known, region, parts } = this;
    if (ended === null) {
      return;
    }
    const shown = resultsShown(
      { results: [...this.found.values()], people: question.people, ended, known, region },
      {
        confirm: () => void this.begin({ ...question, neverContact: false }),
        report: (person) => this.draft(question, person),
        region: (region) => (this.region = region),
      },
    );
    this.focus = shown.focus;
    exchange(parts.heading, [shown.heading], shown.focus);
    exchange(parts.answers, [shown.element], shown.focus);
    exchange(parts.again, [this.againButtons(question)], shown.focus);
  }

  /** Opens a draft, or goes on with it; one is on the screen at a time. */
  private draft(question: Question, person: number): void {
    const { people } = question;
    const about = people.length > 1 ? (people[person]?.label ?? null) : null;
    const close = () => {
      this.drafts.delete(person);
      put(this.parts.draft);
    };
    const open =
      this.drafts.get(person) ?? draft(supports([...this.found.values()], person), this.known ?? new Date(), about, close);
    this.drafts.set(person, open);
    put(this.parts.draft, open);
    moveTo(open.querySelector("h2") ?? open);
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
