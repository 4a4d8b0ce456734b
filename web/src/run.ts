/** A check of some NIKs in some lists, one list after another, and whether to try again. */
import { check } from "ceknik";
import type { Dataset, Progress, Report, Storage } from "ceknik";
import { ahead } from "./ahead";
import type { Made } from "./ahead";
import type { Config } from "./config";

/** Most times that the page tries again by itself. */
const MOST_RETRIES = 5;
/** The first wait before that, in milliseconds; doubled every time, and up to half of it more. */
const FIRST_WAIT = 5_000;
/** Nobody holds a phone for longer than that. */
const LONGEST_WAIT = 15 * 60_000;

export interface Task {
  config: Config;
  lists: Dataset[];
  niks: string[];
  storage: Storage;
  neverContact: boolean;
  offline: boolean;
}

/** What became of one list. `stopped`: it was not asked to the end; where `failed` is null, nothing but that is known. */
export type Result = { list: Dataset; stopped?: true } & ({ report: Report } | { failed: unknown });

/** Told what happens. */
export interface Watcher {
  /** A list is begun. */
  begins(list: Dataset): void;
  progress(list: Dataset, progress: Progress): void;
  /** A request is made, or one that was made before is made use of. */
  request(list: Dataset, ticket: number, made: Made): void;
  /** What it came to. */
  ended(result: Result): void;
}

/** Looks all lists up, or those that come before it is stopped. */
export async function run(task: Task, watcher: Watcher, signal: AbortSignal): Promise<void> {
  for (const list of task.lists) {
    watcher.begins(list);
    const result = await one(task, list, watcher, signal);
    if (result === null) {
      return;
    }
    watcher.ended(result);
  }
}

/** Null when it was stopped. */
async function one(task: Task, list: Dataset, watcher: Watcher, signal: AbortSignal): Promise<Result | null> {
  const { config, niks, storage, neverContact, offline } = task;
  try {
    const report = await check({
      server: config.server,
      dataset: list.id,
      niks,
      ...(config.policy === null ? {} : { policy: config.policy }),
      settings: { confirm: neverContact ? "never" : "as_needed", offline },
      storage,
      signal,
      onProgress: (progress) => {
        if (progress.kind === "request") {
          watcher.request(list, progress.ticket, ahead.reserve(asMade(progress)));
        }
        watcher.progress(list, progress);
      },
      fetch: (address, request) => ahead.take(String(address), request?.signal) ?? fetch(address, request),
    });
    return { list, report };
  } catch (error) {
    return signal.aborted ? null : { list, failed: error };
  }
}

function asMade({ method, url, body, tells }: Extract<Progress, { kind: "request" }>): Made {
  return { at: new Date(), method, url, body, tells, early: false, status: null, received: null, draw: () => undefined };
}

/** Faults that time alone may mend. */
const MENDS = new Set([
  "rate_limited",
  "budget_exhausted",
  "service_unavailable",
  "unreachable",
  "timed_out",
  "interrupted",
  "policy_unavailable",
  "log_unavailable",
  "filter_unavailable",
  "bucket_unavailable",
]);

/**
 * Whether to check a list again. A check for cover that did not come through counts like one for a hit, and by what the service
 * answered, not by what it was for: otherwise a service that refuses everybody sees who comes back, and knows who hit.
 */
export function lacks(result: Result): boolean {
  if ("failed" in result) {
    return false;
  }
  const { outcomes, requests } = result.report;
  const evaluation = requests.filter(({ tells }) => tells.code === "blinded_elements").at(-1);
  return outcomes.some(({ answer, warnings }) =>
    answer.code === "no_answer"
      ? (answer.passing && MENDS.has(answer.reason)) || answer.reason === "offline"
      : warnings.some(({ code }) => code === "cover_unconfirmed") && evaluation !== undefined && passes(evaluation.status),
  );
}

function passes(status: number | null): boolean {
  return status === null || status === 408 || status === 429 || status >= 500;
}

/** In how many milliseconds to try again; null where that would not help, or was done often enough. */
export function retryAfter(results: Result[], retries: number): number | null {
  const lacking = results.filter(lacks);
  if (lacking.length === 0 || retries >= MOST_RETRIES) {
    return null;
  }
  const asked = lacking.map((result) => ("report" in result ? 1000 * (result.report.retryAfter ?? 0) : 0));
  const wait = Math.max(FIRST_WAIT * 2 ** retries, ...asked);
  return wait <= LONGEST_WAIT ? wait * (1 + Math.random() / 2) : null;
}
