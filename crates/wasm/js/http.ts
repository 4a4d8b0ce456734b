/** One request: no cookies, no referrer, no redirects; bytes counted before they are kept. */

/** How long to wait for a service, in milliseconds. */
export interface Timeouts {
  /** For the first byte, and then for the next ones. */
  idle: number;
  /** For a whole small response; a long one has a second more for every 16 KiB that it may have. */
  response: number;
}

export const TIMEOUTS: Timeouts = { idle: 20_000, response: 30_000 };

/** What the module asks for. */
export interface Fetch {
  ticket: number;
  method: string;
  path: string;
  body: string | null;
  maxBytes: number;
  maxProblemBytes: number;
  /** Whether a right response has exactly `maxBytes`. */
  whole: boolean;
  /** How long a response holds, and whether it may come compressed; of `no_store` none does. */
  cache: "no_store" | "revalidate" | "immutable";
  tells: Tells;
}

/** Why a request tells nobody whose NIK is checked. */
export interface Tells {
  code: "public_file" | "history" | "filter_shard" | "blinded_elements" | "evidence_element" | "bucket";
  /** The same as an English clause. */
  text: string;
  /** Parts of the filter, one of which is asked for. */
  shards?: number;
  /** Elements in the request. */
  elements?: number;
  /** Buckets, one of which is asked for. */
  buckets?: number;
  /** People who share what is asked for. */
  people?: number;
}

/** What became of a request. */
export type Fetched =
  | { how: "responded"; status: number; retryAfter: string | undefined; body: Uint8Array }
  | { how: "too_long" }
  | { how: "unreachable" | "timed_out" | "interrupted" };

/** Most requests at once; more would wait within the browser, where their time runs. */
const MOST_AT_ONCE = 6;
/** Slowest line that a response is waited for on, in bytes a second, beside `Timeouts.response`. */
const SLOWEST_BYTES_PER_SECOND = 16 * 1024;

/** Makes requests to one service, a few at once. */
export class Http {
  private running = 0;
  private readonly waiting: (() => void)[] = [];

  constructor(
    private readonly server: string,
    private readonly timeouts: Timeouts,
    private readonly fetch: typeof globalThis.fetch,
    private readonly ended: AbortSignal,
  ) {}

  /** Makes a request; `receiving` is told the bytes received so far and, where that is known, of how many. */
  async perform(request: Fetch, receiving: (bytes: number, of: number | null) => void): Promise<Fetched> {
    if (this.running >= MOST_AT_ONCE) {
      await new Promise<void>((place) => this.waiting.push(place));
    } else {
      this.running += 1;
    }
    try {
      return await this.exchange(request, receiving);
    } finally {
      const next = this.waiting.shift();
      if (next) {
        next();
      } else {
        this.running -= 1;
      }
    }
  }

  private async exchange(request: Fetch, receiving: (bytes: number, of: number | null) => void): Promise<Fetched> {
    const timer = new Timer(this.timeouts, request.maxBytes, this.ended);
    // Called by itself: a browser's own wants to be nobody's method.
    const { fetch } = this;
    try {
      let response: Response;
      try {
        response = await fetch(this.server + request.path, {
          method: request.method,
          ...(request.body === null ? {} : { body: request.body, headers: { "content-type": "application/json" } }),
          mode: "cors",
          credentials: "omit",
          referrerPolicy: "no-referrer",
          // Not followed: a browser tells that there was one, and not which.
          redirect: "manual",
          // In the browser's own cache a file that was altered on the way would stay, out of reach of whoever clears the
          // storage; there, what was verified is kept.
          cache: "no-store",
          signal: timer.signal,
        });
      } catch {
        return { how: timer.ranOut ? "timed_out" : "unreachable" };
      }
      if (response.type === "opaqueredirect") {
        return { how: "responded", status: 302, retryAfter: undefined, body: new Uint8Array() };
      }
      try {
        return await this.read(request, response, timer, receiving);
      } catch {
        return { how: timer.ranOut ? "timed_out" : "interrupted" };
      }
    } finally {
      timer.stop();
    }
  }

  private async read(
    request: Fetch,
    response: Response,
    timer: Timer,
    receiving: (bytes: number, of: number | null) => void,
  ): Promise<Fetched> {
    const { status, headers } = response;
    const retryAfter = headers.get("retry-after") ?? undefined;
    if (status === 200 && request.cache === "no_store" && (headers.get("content-encoding") ?? "identity") !== "identity") {
      // Compressed on the way: its size could tell what is in it. A page cannot ask for it plain, but it can turn it down.
      await response.body?.cancel();
      return { how: "interrupted" };
    }
    const most = status === 200 ? request.maxBytes : request.maxProblemBytes;
    const body = new Gathered();
    const reader = response.body?.getReader();
    for (;;) {
      const chunk = await reader?.read();
      if (chunk === undefined || chunk.done) {
        return { how: "responded", status, retryAfter, body: body.bytes() };
      }
      timer.alive();
      const room = most - body.length;
      if (chunk.value.length > room) {
        // The lookup has what it may have; what becomes of the rest is nobody's business.
        reader?.cancel().catch(() => undefined);
        if (status === 200) {
          return { how: "too_long" };
        }
        body.add(chunk.value.subarray(0, room));
        return { how: "responded", status, retryAfter, body: body.bytes() };
      }
      body.add(chunk.value);
      receiving(body.length, status === 200 && request.whole ? request.maxBytes : null);
    }
  }
}

/** Ends a request that takes too long, or whose check ended. */
class Timer {
  ranOut = false;
  private readonly controller = new AbortController();
  private readonly whole: ReturnType<typeof setTimeout>;
  private idle: ReturnType<typeof setTimeout>;
  private readonly end = () => this.controller.abort();
  private readonly runOut = () => {
    this.ranOut = true;
    this.controller.abort();
  };

  constructor(
    private readonly timeouts: Timeouts,
    maxBytes: number,
    private readonly ended: AbortSignal,
  ) {
    const transfer = (1000 * maxBytes) / SLOWEST_BYTES_PER_SECOND;
    this.whole = setTimeout(this.runOut, timeouts.response + transfer);
    this.idle = setTimeout(this.runOut, timeouts.idle);
    ended.addEventListener("abort", this.end);
    if (ended.aborted) {
      this.end();
    }
  }

  get signal(): AbortSignal {
    return this.controller.signal;
  }

  alive(): void {
    clearTimeout(this.idle);
    this.idle = setTimeout(this.runOut, this.timeouts.idle);
  }

  stop(): void {
    clearTimeout(this.whole);
    clearTimeout(this.idle);
    this.ended.removeEventListener("abort", this.end);
  }
}

/** Chunks on their way to be one. */
class Gathered {
  length = 0;
  private readonly chunks: Uint8Array[] = [];

  add(chunk: Uint8Array): void {
    this.chunks.push(chunk);
    this.length += chunk.length;
  }

  bytes(): Uint8Array {
    const all = new Uint8Array(this.length);
    let at = 0;
    for (const chunk of this.chunks) {
      all.set(chunk, at);
      at += chunk.length;
    }
    return all;
  }
}

/**
 * The address of a service, without a slash at the end: `https://host[:port][/path]`. Plain `http://` goes to this machine
 * alone, unless allowed: on the way everybody could see who asks, and stand in for the service until a policy is pinned.
 * Null for anything else.
 */
export function serverAddress(text: string, allowPlainHttp = false): string | null {
  let url: URL;
  try {
    url = new URL(text);
  } catch {
    return null;
  }
  const here = /^(localhost|127(\.\d+){3}|\[::1\])$/.test(url.hostname);
  const secure = url.protocol === "https:" || (url.protocol === "http:" && (here || allowPlainHttp));
  const extra = url.username || url.password || url.search || url.hash || /[?#]/.test(text);
  return secure && !extra ? url.href.replace(/\/+$/, "") : null;
}
