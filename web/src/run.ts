/** A check of some NIKs in some lists, one list after another, tried again by itself where that helps. */
import { check } from "ceknik";
import type { Dataset, Progress, Report, Storage } from "ceknik";
import type { Config } from "./config";

/** Most times that the page tries again by itself. */
const MOST_RETRIES = 5;
/** The first wait before that, in milliseconds; doubled every time, and up to half of it more. */
const FIRST_WAIT = 5_000;
const LONGEST_WAIT = 15 * 60_000;

export interface Task {
  config: Config;
  lists: Dataset[];
  niks: string[];
  storage: Storage;
  neverContact: boolean;
  offline: boolean;
}

/** What became of one list. */
export type Result = { list: Dataset; report: Report } | { list: Dataset; failed: unknown };

/** Told what happens. */
export interface Watcher {
  /** A list is begun. */
  begins(list: Dataset): void;
  progress(list: Dataset, progress: Progress): void;
  /** What it came to. It may come again, when it was tried again. */
  ended(result: Result): void;
}

/** Looks all lists up. Rejects when it was stopped. */
export async function run(task: Task, watcher: Watcher, signal: AbortSignal): Promise<Result[]> {
  const results: Result[] = [];
  for (const list of task.lists) {
    watcher.begins(list);
    const result = await one(task, list, watcher, signal);
    watcher.ended(result);
    results.push(result);
  }
  return results;
}

async function one(task: Task, list: Dataset, watcher: Watcher, signal: AbortSignal): Promise<Result> {
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
      onProgress: (progress) => watcher.progress(list, progress),
    });
    return { list, report };
  } catch (error) {
    if (signal.aborted) {
      throw error;
    }
    return { list, failed: error };
  }
}

/** In how many milliseconds to try again; null where that would not help, or was done often enough. */
export function retryAfter(results: Result[], retries: number): number | null {
  if (retries >= MOST_RETRIES) {
    return null;
  }
  let wait = FIRST_WAIT * 2 ** retries;
  let helps = false;
  for (const result of results) {
    for (const { answer } of "report" in result ? result.report.outcomes : []) {
      if (answer.code === "no_answer" && answer.passing) {
        helps = true;
        wait = Math.max(wait, 1000 * (answer.retryAfter ?? 0));
      }
    }
  }
  return helps && wait <= LONGEST_WAIT ? wait * (1 + Math.random() / 2) : null;
}
