/** The slow hash, in workers: the page stays alive meanwhile, and their memory goes with them. */
import { Stretcher } from "./raw.js";
import { isOutOfMemory } from "./memory.js";
import type { FromWorker } from "./worker.js";

/** Makes a worker from this package's `worker.js`, for pages that keep it elsewhere. */
export type WorkerMaker = () => Worker;

/** What is to be computed. */
export interface Job {
  ticket: number;
  memoryKib: number;
  job: Uint8Array;
}

/** Told what becomes of jobs. */
export interface Listener {
  done(ticket: number, result: Uint8Array): void;
  noMemory(ticket: number, memoryKib: number): void;
  /** Jobs are being computed, there; on the page it stands still while one is. */
  computing(where: "worker" | "page", workers: number): void;
  /** Nothing can be computed. */
  failed(error: unknown): void;
}

/** Most workers: a household is computed at once on a phone with cores for it, and does not take all of its memory. */
const MOST_WORKERS = 4;
const MOST_MEMORY_KIB = 128 * 1024;
/** How long a worker may take to come, in milliseconds. Where it is kept from coming, nothing may tell so. */
const MOST_START = 15_000;

interface Place {
  worker: Worker;
  job: Job | undefined;
  ready: boolean;
  late: ReturnType<typeof setTimeout>;
}

/** Computes jobs, in as many workers as are good, or on the page where there are none. */
export class Stretching {
  private readonly queue: Job[] = [];
  private readonly places = new Set<Place>();
  private workers = true;
  private onPage = false;
  private beginning = false;
  private closed = false;

  constructor(
    private readonly module: WebAssembly.Module,
    private readonly maker: WorkerMaker | null,
    private readonly listener: Listener,
  ) {
    this.workers = maker !== null;
  }

  push(job: Job): void {
    this.queue.push(job);
    this.beginSoon();
  }

  /** When all jobs are known: a family's come one after another. */
  private beginSoon(): void {
    if (!this.beginning) {
      this.beginning = true;
      queueMicrotask(() => {
        this.beginning = false;
        this.begin();
      });
    }
  }

  /** Ends everything at once. What was computed is gone. */
  close(): void {
    this.closed = true;
    for (const { job } of this.queue.splice(0)) {
      job.fill(0);
    }
    for (const place of this.places) {
      this.end(place);
    }
  }

  private begin(): void {
    if (this.closed || this.queue.length === 0) {
      return;
    }
    if (!this.workers) {
      this.computeHere().catch((error: unknown) => this.listener.failed(error));
      return;
    }
    const memory = Math.max(...this.queue.map((job) => job.memoryKib), 1);
    const cores = globalThis.navigator?.hardwareConcurrency || 1;
    const good = Math.max(1, Math.min(MOST_WORKERS, cores, Math.floor(MOST_MEMORY_KIB / memory), this.queue.length));
    while (this.workers && this.places.size < good) {
      this.hire();
    }
    for (const place of this.places) {
      this.assign(place);
    }
    if (this.places.size > 0) {
      this.listener.computing("worker", this.places.size);
    }
  }

  private hire(): void {
    let worker: Worker;
    try {
      worker = (this.maker as WorkerMaker)();
    } catch {
      this.withoutWorkers();
      return;
    }
    const place: Place = { worker, job: undefined, ready: false, late: setTimeout(() => this.lost(place), MOST_START) };
    this.places.add(place);
    worker.onmessage = ({ data }: MessageEvent<FromWorker>) => this.told(place, data);
    worker.onerror = (event) => {
      event.preventDefault();
      this.lost(place);
    };
    worker.onmessageerror = () => this.lost(place);
    try {
      worker.postMessage({ module: this.module });
    } catch {
      this.lost(place);
    }
  }

  private told(place: Place, message: FromWorker): void {
    if (!this.places.has(place)) {
      return;
    }
    if ("ready" in message) {
      clearTimeout(place.late);
      place.ready = true;
    } else if ("failed" in message) {
      this.lost(place);
      return;
    } else {
      const { job } = place;
      place.job = undefined;
      if (job === undefined || job.ticket !== message.ticket) {
        this.lost(place);
        return;
      }
      if ("result" in message) {
        this.finished(job, message.result);
      } else {
        this.withoutMemory(place, job);
        return;
      }
    }
    this.assign(place);
  }

  /** Others may have the memory that this one could not get: then its job is theirs. */
  private withoutMemory(place: Place, job: Job): void {
    this.end(place);
    if (this.places.size > 0) {
      this.queue.unshift(job);
      this.places.forEach((other) => this.assign(other));
    } else {
      job.job.fill(0);
      this.listener.noMemory(job.ticket, job.memoryKib);
      this.begin();
    }
  }

  private assign(place: Place): void {
    if (!place.ready || place.job !== undefined || this.closed) {
      return;
    }
    place.job = this.queue.shift();
    if (place.job === undefined) {
      // Nothing is left to do: its memory is given back now, and not when the check ends.
      this.end(place);
      return;
    }
    const { ticket, job } = place.job;
    place.worker.postMessage({ ticket, job });
  }

  /** A worker that cannot be had, or broke: its job, and those to come, are computed on the page. */
  private lost(place: Place): void {
    if (!this.places.has(place)) {
      return;
    }
    if (place.job !== undefined) {
      this.queue.unshift(place.job);
    }
    this.end(place);
    this.withoutWorkers();
  }

  private withoutWorkers(): void {
    this.workers = false;
    if (this.places.size === 0) {
      this.beginSoon();
    }
  }

  private end(place: Place): void {
    clearTimeout(place.late);
    place.worker.terminate();
    this.places.delete(place);
  }

  private finished(job: Job, result: Uint8Array): void {
    job.job.fill(0);
    this.listener.done(job.ticket, result);
    result.fill(0);
  }

  private async computeHere(): Promise<void> {
    if (this.onPage) {
      return;
    }
    this.onPage = true;
    this.listener.computing("page", 0);
    const stretcher = new Stretcher();
    try {
      for (;;) {
        // Between two jobs the page may show how far it is.
        await new Promise((shown) => setTimeout(shown, 20));
        const job = this.closed ? undefined : this.queue.shift();
        if (job === undefined) {
          return;
        }
        let result: Uint8Array | undefined;
        try {
          result = stretcher.run(job.job);
        } catch (thrown) {
          if (!isOutOfMemory(thrown)) {
            throw thrown;
          }
        }
        if (result) {
          this.finished(job, result);
        } else {
          this.listener.noMemory(job.ticket, job.memoryKib);
        }
      }
    } finally {
      stretcher.free();
      this.onPage = false;
    }
  }
}
