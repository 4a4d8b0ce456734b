/**
 * What a check will want, asked for while a NIK is still being typed: public files, the same for everybody. The check asks for
 * whatever it needs and verifies it, as if nobody had been here; what was asked for already is handed to it once, instead of
 * being asked for twice. Until then it is lent to whoever verifies a list and keeps it, without a NIK.
 */
import type { Storage, Tells } from "ceknik";

/** A request, for the panel that tells what left the device. */
export interface Made {
  at: Date;
  method: string;
  url: string;
  body: string | null;
  tells: Pick<Tells, "code" | "text" | "people">;
  /** Where it was made before the button was pressed: because the page was opened, or since somebody typed or kept a list. */
  early: "opened" | "wanted" | false;
  status: number | null;
  /** Bytes of the response; null while it is on its way. */
  received: number | null;
  /** Shows what came back. */
  draw: () => void;
}

/** A response that waits for a check. */
interface Kept {
  made: Made;
  response: Promise<Response>;
  /** Its body; rejects where it is no success. */
  body: Promise<string>;
  /** Whether a check may have it: not when it came to nothing, nor twice. */
  free: boolean;
  /** Whether it stays what it is, being named by its hash. */
  lasts: boolean;
  ending: AbortController;
}

/** Lists to look ahead for. */
export interface Wanted {
  server: string;
  lists: string[];
  /** Whether the service's policy is wanted as well: at a first visit, where the page has none. */
  policy: boolean;
  /** Whether what is large is wanted, too: once somebody types, or keeps a list. */
  large: boolean;
  /** Finds what is on the device already; null when nothing is. */
  shard: Storage["shard"] | null;
}

/** How long the service lets others keep what the next epoch replaces, in milliseconds; nothing is asked for again before. */
export const FRESH = 30_000;
/** A file that is named by its hash. */
const FILTER = /\/filter\/[0-9a-f]{64}$/;
/** How long what nobody waits for may take, in milliseconds. */
const PATIENCE = 60_000;
/** Most bytes of a file, and of a filter, which is as long as any. What is longer is for the check to refuse. */
const MOST_BYTES = 1 << 20;
const MOST_FILTER_BYTES = 64 << 20;
const PUBLIC_FILE: Made["tells"] = { code: "public_file", text: "the same file for everybody" };
/** As the package `ceknik` asks. */
const PUBLIC: RequestInit = {
  mode: "cors",
  credentials: "omit",
  referrerPolicy: "no-referrer",
  redirect: "manual",
  cache: "no-store",
};

class Ahead {
  /** By address. */
  private readonly kept = new Map<string, Kept>();
  /** Told by the check that runs as its own, and not made use of yet. */
  private readonly reserved = new Map<string, Kept>();
  /** By address of a list, the manifest that was followed, and how far. */
  private readonly followed = new Map<string, { manifest: Promise<string>; large: boolean }>();
  private untold: Made[] = [];
  private readonly running = new Set<Promise<unknown>>();
  /** Whether somebody typed, or kept a list. */
  wanted = false;

  /** Makes a request that everybody makes, and notes it. Without a network, none is made. */
  async fetch(url: string, request: RequestInit = {}, tells = PUBLIC_FILE): Promise<Response> {
    if (!navigator.onLine) {
      throw new TypeError("there is no network");
    }
    return this.begin(url, request, tells).response;
  }

  /** Asks for what a check of these lists will ask for first, unless that was done just now. */
  prepare({ server, lists, policy, large, shard }: Wanted): void {
    this.wanted ||= large;
    if (!navigator.onLine) {
      return;
    }
    if (policy) {
      this.ask(`${server}/v1/policy`).catch(() => undefined);
    }
    for (const list of lists) {
      void this.follow(`${server}/v1/${list}`, list, large, shard);
    }
  }

  /** A response that a check may have still. Rejects where it came to nothing, or a check has it. */
  async lend(url: string, tells?: Made["tells"]): Promise<Response> {
    this.ask(url, tells).catch(() => undefined);
    const kept = this.kept.get(url);
    if (kept?.free !== true) {
      throw new TypeError("there is none to lend");
    }
    return (await kept.response).clone();
  }

  /** Lets go of a list's filter, which is on the device now. */
  drop(list: string): void {
    for (const url of this.kept.keys()) {
      if (url.startsWith(list) && FILTER.test(url)) {
        this.kept.delete(url);
      }
    }
  }

  /** Waits until nothing that was asked for is on its way. */
  async quiet(): Promise<void> {
    while (this.running.size > 0) {
      await Promise.allSettled(this.running);
    }
  }

  /** All requests that were told by no check yet. */
  tell(): Made[] {
    const { untold } = this;
    this.untold = [];
    this.reserved.clear();
    return untold;
  }

  /** Notes a request of a check. Where it was made already, the response is that check's from now on. */
  reserve(made: Made): Made {
    // Of the others nothing may stay here: which buckets were asked for, say.
    if (made.method !== "GET" || made.tells.code !== "public_file") {
      return made;
    }
    const kept = this.kept.get(made.url);
    if (kept === undefined || !kept.free || !fresh(kept)) {
      this.kept.set(made.url, elsewhere(made));
      return made;
    }
    kept.free = false;
    this.reserved.set(made.url, kept);
    return kept.made;
  }

  /** The response of what was reserved; null where nothing was. Whoever takes it may end it. */
  take(url: string, signal: AbortSignal | null | undefined): Promise<Response> | null {
    const kept = this.reserved.get(url);
    if (kept === undefined) {
      return null;
    }
    this.reserved.delete(url);
    const end = () => kept.ending.abort();
    signal?.addEventListener("abort", end);
    if (signal?.aborted) {
      end();
    }
    return kept.response;
  }

  /** Follows a list from its manifest on. What is read there decides nothing but what is asked for. */
  private async follow(address: string, id: string, large: boolean, shard: Wanted["shard"]): Promise<void> {
    const manifest = this.ask(`${address}/manifest`);
    const before = this.followed.get(address);
    if (before?.manifest === manifest && (before.large || !large)) {
      return;
    }
    this.followed.set(address, { manifest, large });
    try {
      const { epoch, filter } = JSON.parse(await manifest) as { epoch: number; filter: { shards: { sha256: string }[] } | null };
      // Of several shards, the NIK decides which one is asked for.
      const [sha256, another] = (filter?.shards ?? []).map((one) => one.sha256);
      const single = another === undefined && /^[0-9a-f]{64}$/.test(sha256 ?? "") ? sha256 : undefined;
      if (shard !== null && (!large || single === undefined || (await shard(id, single)) !== undefined)) {
        return;
      }
      const more = [this.ask(`${address}/epochs/${Number(epoch)}/proof`)];
      if (large && single !== undefined) {
        more.push(this.ask(`${address}/filter/${single}`));
      }
      await Promise.all(more);
    } catch {
      // The check asks again, and tells what is wrong.
    }
  }

  private ask(url: string, tells = PUBLIC_FILE): Promise<string> {
    const before = this.kept.get(url);
    if (before !== undefined && fresh(before)) {
      return before.body;
    }
    const kept = this.begin(url, PUBLIC, tells);
    this.kept.set(url, kept);
    return kept.body;
  }

  private begin(url: string, request: RequestInit, tells: Made["tells"]): Kept {
    const lasts = FILTER.test(url);
    const made: Made = {
      at: new Date(),
      method: "GET",
      url,
      body: null,
      tells,
      early: this.wanted ? "wanted" : "opened",
      status: null,
      received: null,
      draw: () => undefined,
    };
    this.untold.push(made);
    const ending = new AbortController();
    request.signal?.addEventListener("abort", () => ending.abort());
    const response = fetch(url, { ...request, signal: ending.signal });
    // What is read here is a copy: the response itself goes to whoever takes it.
    const body = response.then((response) => read(response.clone(), made, lasts, ending));
    const kept: Kept = { made, response, body, free: true, lasts, ending };
    const late = setTimeout(() => kept.free && ending.abort(), PATIENCE);
    const over = body.then(
      () => undefined,
      () => {
        kept.free = false;
        made.received ??= 0;
        made.draw();
      },
    );
    this.running.add(over);
    void over.then(() => {
      clearTimeout(late);
      this.running.delete(over);
    });
    return kept;
  }
}

/** What a check asked for by itself, and is not asked for again beside it. */
function elsewhere(made: Made): Kept {
  const never = new Promise<never>(() => undefined);
  return { made, response: never, body: never, free: false, lasts: false, ending: new AbortController() };
}

function fresh({ made, lasts }: Kept): boolean {
  return lasts || Date.now() - made.at.getTime() < FRESH;
}

/** Reads a response to its end, and notes what came. Gives its text; of what `lasts`, which is no text, none. */
async function read(response: Response, made: Made, lasts: boolean, ending: AbortController): Promise<string> {
  made.status = response.status;
  const most = lasts ? MOST_FILTER_BYTES : MOST_BYTES;
  const chunks: Uint8Array<ArrayBuffer>[] = [];
  let length = 0;
  const reader = response.body?.getReader();
  for (let chunk = await reader?.read(); chunk?.value !== undefined; chunk = await reader?.read()) {
    length += chunk.value.length;
    if (length > most) {
      ending.abort();
      break;
    }
    if (!lasts) {
      chunks.push(chunk.value);
    }
  }
  made.received = length;
  made.draw();
  if (!response.ok || length > most) {
    throw new Error("no success");
  }
  return new Blob(chunks).text();
}

/** One for the page. */
export const ahead = new Ahead();
