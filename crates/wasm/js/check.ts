/** The driver: does what the module says, and nothing of its own. */
import { Inquiry } from "./raw.js";
import type { Lookup } from "./raw.js";
import { CeknikError, abortReason, taken } from "./error.js";
import { Http, TIMEOUTS, serverAddress } from "./http.js";
import type { Fetch, Tells, Timeouts } from "./http.js";
import { moduleFrom } from "./load.js";
import type { Said } from "./nik.js";
import type { Manifest, Report } from "./report.js";
import type { Item, Remembered, Storage } from "./storage.js";
import { Stretching } from "./stretching.js";
import type { WorkerMaker } from "./stretching.js";
import { newWorker } from "./workers.js";

/** How to check. What is not set is as the specification has it. */
export interface Settings {
  /** Whether lists with a weak stretch, which are for tests, are looked at. */
  acceptWeak?: boolean;
  /** Whether to make no request at all. */
  offline?: boolean;
  /** `never`: the service is never contacted about a NIK, and a hit stays *maybe*; `everyone`: misses are confirmed too. */
  confirm?: "never" | "as_needed" | "everyone";
  /** Whether the evaluation must be proved by itself, not together with other callers'. */
  alone?: boolean;
  /**
   * Whether to gather evidence of every answer (`Outcome.evidence`). Everybody is confirmed then, and each element is proved
   * alone. Evidence names its owner to whoever can guess the NIK: say so before this is set.
   */
  evidence?: boolean;
  /** Most seconds that one request may be waited with, when the service asks to come back later. */
  patienceSeconds?: number;
  /** Fewest people who may share a bucket that is fetched. */
  leastPeople?: number;
}

/** What to check, and with what. */
export interface CheckOptions {
  /** The service: `https://host/path`, or `http://` on this machine. */
  server: string;
  /** The dataset's id. */
  dataset: string;
  /** Whom: one NIK, or a family's, as they were typed. Without any, the list is verified and its filter kept. */
  niks: readonly string[];
  /**
   * Whom to trust: the publisher's log and its witnesses (C2SP tlog-policy). Without it the policy counts that was pinned for
   * the service, and without that the service's own is taken, and pinned.
   */
  policy?: string | Uint8Array;
  settings?: Settings;
  /** What earlier checks left. Without one, this is the first and leaves nothing. */
  storage?: Storage;
  /** Shown how far it is. */
  onProgress?: (progress: Progress) => void;
  /** Ends it at once, its requests and workers too. It rejects with the signal's reason. */
  signal?: AbortSignal;
  /** Allows `http://` to another machine, where everybody on the way sees who asks. */
  allowPlainHttp?: boolean;
  timeouts?: Partial<Timeouts>;
  /** In place of the browser's, for service workers and tests. */
  fetch?: typeof globalThis.fetch;
  /** Makes a worker from `ceknik/worker`, for pages that keep it elsewhere; null: computes on the page, which stands still. */
  worker?: WorkerMaker | null;
}

/** How far a check is. Every number is counted, and none is a guess. */
export type Progress =
  /** The list is verified. Times as RFC 3339. */
  | { kind: "list"; epoch: number; publishedAt: string; validUntil: string; fromCache: boolean }
  /** A shard of the filter is verified. */
  | { kind: "filter"; bytes: number; fromCache: boolean }
  /** NIKs are being computed, in so many workers; on the page it stands still while one is. */
  | { kind: "computing"; where: "worker" | "page"; workers: number }
  /** So many of those NIKs that differ are computed. */
  | { kind: "stretched"; done: number; of: number }
  /** The filter was asked for all NIKs. */
  | { kind: "local"; hits: number; misses: number; confirming: number }
  /** An evaluation was verified, and buckets are fetched. */
  | { kind: "evaluated"; elements: number; batch: number; buckets: number }
  /** A request will be made again in so many milliseconds. */
  | { kind: "waiting"; milliseconds: number; because: Said }
  /** The list changed meanwhile: it begins again with the new one. */
  | { kind: "restarted" }
  /** A request is made. */
  | { kind: "request"; ticket: number; method: string; url: string; body: string | null; tells: Tells }
  /** So many bytes of its response have come, of so many where that is known. */
  | { kind: "receiving"; ticket: number; bytes: number; of: number | null }
  /** It ended: with a status, or with none. */
  | { kind: "responded"; ticket: number; status: number | null; bytes: number; milliseconds: number }
  /** Something could not be read or kept. The check goes on without. */
  | { kind: "storage_failed"; error: unknown };

/** What the module says is to be done. */
type Action =
  | ({ do: "fetch" } & Fetch)
  | { do: "stretch"; ticket: number; memoryKib: number }
  | { do: "load"; ticket: number; sha256: string }
  | { do: "store"; item: Item["item"]; log: string | null; sha256: string | null }
  | { do: "wait"; ticket: number; milliseconds: number }
  | { do: "progress"; progress: Progress }
  | { do: "done"; report: Report };

/**
 * Checks NIKs against a list. Whatever fails within a check is an answer, `no_answer`, with its reason.
 *
 * Rejects with a `CeknikError` when there could be no check at all, and with the signal's reason when that was aborted.
 */
export async function check(options: CheckOptions): Promise<Report> {
  const { signal } = options;
  const server = serverAddress(options.server, options.allowPlainHttp ?? false);
  if (server === null) {
    throw new CeknikError(
      "refused",
      "server: not an address of the form https://host/ without user name, query and fragment; http:// is for this machine alone",
    );
  }
  const module = await moduleFrom();
  const inquiry = taken(() => new Inquiry(options.dataset, JSON.stringify(options.settings ?? {})));
  try {
    for (const nik of options.niks) {
      taken(() => inquiry.addNik(nik));
    }
    if (options.policy !== undefined) {
      const policy = typeof options.policy === "string" ? new TextEncoder().encode(options.policy) : options.policy;
      taken(() => inquiry.trust(policy));
    }
    const remembered = await remember(options, server);
    if (signal?.aborted) {
      throw abortReason(signal);
    }
    if (remembered) {
      recall(inquiry, remembered);
    }
  } catch (error) {
    inquiry.free();
    throw error;
  }
  const lookup = taken(() => inquiry.begin(Date.now()));
  return new Run(options, server, module, lookup).finish();
}

async function remember(options: CheckOptions, server: string): Promise<Remembered | undefined> {
  try {
    return await options.storage?.load(server, options.dataset);
  } catch (error) {
    // With a policy at hand, no storage is no worse than a first visit.
    if (options.policy === undefined) {
      throw new CeknikError(
        "storage",
        "what this device remembers cannot be read, and may hold a pinned policy: give a policy, or check without storage",
        error,
      );
    }
    options.onProgress?.({ kind: "storage_failed", error });
    return undefined;
  }
}

function recall(inquiry: Inquiry, remembered: Remembered): void {
  if (remembered.policy === "damaged") {
    inquiry.rememberDamagedPolicy();
  } else if (remembered.policy !== undefined) {
    inquiry.rememberPolicy(remembered.policy);
  }
  for (const { manifest, proof } of remembered.lists) {
    inquiry.rememberList(manifest, proof);
  }
  for (const checkpoint of remembered.checkpoints) {
    inquiry.rememberCheckpoint(checkpoint);
  }
  if (remembered.damaged) {
    inquiry.rememberDamage();
  }
  const { coverSecret, coverSecretPasses } = remembered;
  if (coverSecret !== undefined) {
    taken(() => inquiry.coverSecret(coverSecret, coverSecretPasses));
  }
}

/** One check on its way. */
class Run {
  private readonly ending = new AbortController();
  private readonly http: Http | null;
  private readonly stretching: Stretching;
  private readonly waits = new Set<ReturnType<typeof setTimeout>>();
  private readonly stores: Promise<void>[] = [];
  private resolve!: (report: Report) => void;
  private reject!: (reason: unknown) => void;
  private over = false;
  /** What the response said that refused last; null where it said nothing. */
  private retryAfter: number | null = null;

  constructor(
    private readonly options: CheckOptions,
    private readonly server: string,
    module: WebAssembly.Module,
    private readonly lookup: Lookup,
  ) {
    const timeouts = { ...TIMEOUTS, ...options.timeouts };
    const fetch = options.fetch ?? globalThis.fetch;
    this.http = options.settings?.offline ? null : new Http(server, timeouts, fetch, this.ending.signal);
    const maker = options.worker === undefined ? (typeof Worker === "undefined" ? null : newWorker) : options.worker;
    this.stretching = new Stretching(module, maker, {
      done: (ticket, result) => this.tell((lookup, now) => lookup.stretched(ticket, result, now)),
      noMemory: (ticket, kib) => this.tell((lookup, now) => lookup.stretchedWithoutMemory(ticket, kib, now)),
      computing: (where, workers) => this.show({ kind: "computing", where, workers }),
      failed: (error) => this.fail(error),
    });
  }

  async finish(): Promise<Report> {
    const { signal } = this.options;
    const aborted = () => this.fail(abortReason(signal));
    signal?.addEventListener("abort", aborted);
    try {
      const report = await new Promise<Report>((resolve, reject) => {
        this.resolve = resolve;
        this.reject = reject;
        this.tell(() => undefined);
      });
      await Promise.all(this.stores);
      return report;
    } finally {
      signal?.removeEventListener("abort", aborted);
    }
  }

  /** Tells the lookup what came of an action, and does what it says next. */
  private tell(event: (lookup: Lookup, now: number) => void): void {
    if (this.over) {
      return;
    }
    try {
      taken(() => event(this.lookup, Date.now()));
      for (;;) {
        const text = this.over ? undefined : this.lookup.nextAction();
        if (text === undefined) {
          return;
        }
        this.start(JSON.parse(text) as Action);
      }
    } catch (error) {
      this.fail(error);
    }
  }

  private start(action: Action): void {
    switch (action.do) {
      case "fetch":
        void this.fetch(action);
        return;
      case "stretch":
        this.stretching.push({ ticket: action.ticket, memoryKib: action.memoryKib, job: this.part() });
        return;
      case "load":
        void this.load(action.ticket, action.sha256);
        return;
      case "store":
        this.store(action);
        return;
      case "wait": {
        const wait = setTimeout(() => {
          this.waits.delete(wait);
          this.tell((lookup, now) => lookup.woke(action.ticket, now));
        }, action.milliseconds);
        this.waits.add(wait);
        return;
      }
      case "progress":
        this.show(action.progress);
        return;
      case "done":
        this.done(action.report);
    }
  }

  private async fetch(request: Fetch): Promise<void> {
    const { ticket, method, body, tells } = request;
    if (this.http === null) {
      this.tell((lookup, now) => lookup.requestFailed(ticket, "unreachable", now));
      return;
    }
    const begun = performance.now();
    this.show({ kind: "request", ticket, method, url: this.server + request.path, body, tells });
    const fetched = await this.http.perform(request, (bytes, of) => this.show({ kind: "receiving", ticket, bytes, of }));
    const [status, bytes] = fetched.how === "responded" ? [fetched.status, fetched.body.length] : [null, 0];
    this.show({ kind: "responded", ticket, status, bytes, milliseconds: Math.round(performance.now() - begun) });
    if (status !== 200) {
      const said = fetched.how === "responded" ? fetched.retryAfter : undefined;
      this.retryAfter = said !== undefined && /^\d{1,9}$/.test(said) ? Number(said) : null;
    }
    this.tell((lookup, now) => {
      switch (fetched.how) {
        case "responded":
          return lookup.responded(ticket, fetched.status, fetched.retryAfter, fetched.body, now);
        case "too_long":
          return lookup.respondedTooLong(ticket, now);
        default:
          return lookup.requestFailed(ticket, fetched.how, now);
      }
    });
  }

  private async load(ticket: number, sha256: string): Promise<void> {
    let file: Uint8Array | undefined;
    try {
      file = await this.options.storage?.shard(this.options.dataset, sha256);
    } catch (error) {
      this.show({ kind: "storage_failed", error });
    }
    this.tell((lookup, now) => lookup.loaded(ticket, file, now));
  }

  private store({ item, log, sha256 }: Extract<Action, { do: "store" }>): void {
    const { storage, dataset } = this.options;
    if (storage === undefined) {
      return;
    }
    const items: Record<Item["item"], () => Item> = {
      policy: () => ({ item: "policy", server: this.server, policy: this.part() }),
      list: () => ({ item: "list", log: log ?? "", dataset, list: { manifest: this.part(), proof: this.part() } }),
      checkpoint: () => ({ item: "checkpoint", log: log ?? "", checkpoint: this.part() }),
      shard: () => ({ item: "shard", log: log ?? "", dataset, sha256: sha256 ?? "", file: this.part() }),
    };
    const stored = storage.store(items[item]());
    this.stores.push(stored.catch((error: unknown) => this.show({ kind: "storage_failed", error })));
  }

  private part(): Uint8Array {
    return this.lookup.takePart() ?? new Uint8Array();
  }

  private done(report: Report): void {
    if (report.list !== null) {
      const bytes = this.part();
      report.list = { ...report.list, manifest: JSON.parse(new TextDecoder().decode(bytes)) as Manifest, bytes };
    }
    if (report.trust !== null) {
      report.trust = { ...report.trust, policy: this.part() };
    }
    for (const request of report.requests) {
      request.url = this.server + request.path;
    }
    completed(report, this.retryAfter);
    this.end();
    this.resolve(report);
  }

  private show(progress: Progress): void {
    try {
      this.options.onProgress?.(progress);
    } catch (error) {
      this.fail(error);
    }
  }

  private fail(reason: unknown): void {
    if (!this.over) {
      this.end();
      this.reject(reason);
    }
  }

  /** Whatever still runs is ended; the lookup wipes its NIKs and what it derived from them. */
  private end(): void {
    this.over = true;
    this.ending.abort();
    this.waits.forEach((wait) => clearTimeout(wait));
    this.stretching.close();
    // A step of the lookup may be running, in which it cannot be freed; after one that broke it never can.
    queueMicrotask(() => {
      try {
        this.lookup.free();
      } catch {
        // Its memory goes with the page.
      }
    });
  }
}

/** Adds to a report what the module does not say by itself. */
function completed(report: Report, retryAfter: number | null): void {
  for (const { answer } of report.outcomes) {
    if (answer.code === "no_answer") {
      // A device that is not connected will be again.
      answer.passing ||= answer.reason === "offline";
      // Of a list that is not believed any more, the module gives no more than this clause.
      answer.expired = (answer.reason === "stale" && /expired at (\S+)/.exec(answer.detail ?? "")?.[1]) || null;
    }
  }
  const lacking = report.outcomes.some(({ answer, warnings }) =>
    answer.code === "no_answer" ? answer.passing : warnings.some(({ code }) => code === "cover_unconfirmed"),
  );
  report.retryAfter = lacking ? retryAfter : null;
}
