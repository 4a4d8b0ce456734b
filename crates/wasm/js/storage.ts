/**
 * What is kept on the device between checks: policies that were pinned, lists and checkpoints that were seen, shards of
 * filters, and the secret for cover traffic. No NIK, nothing that was derived from one but which shards of a filter with
 * several were needed, and nothing that is believed: all of it is verified again.
 */
import { largerCheckpointIsOld, laterListIsOld } from "./raw.js";

/** A list that was believed once: its manifest's exact bytes, and its proof. */
export interface SeenList {
  manifest: Uint8Array;
  proof: Uint8Array;
}

/** What a check begins with. */
export interface Remembered {
  /** The policy that was pinned for the service; `"damaged"` where one is there and cannot be read. */
  policy?: Uint8Array | "damaged" | undefined;
  /** The list of the dataset that was seen last, of every log. */
  lists: SeenList[];
  /** The largest checkpoint seen, of every log. */
  checkpoints: Uint8Array[];
  /** Whether some list or checkpoint is there and cannot be read. */
  damaged: boolean;
  /** 32 random bytes of this device, drawn once. */
  coverSecret?: Uint8Array | undefined;
  /** Whether the secret goes when the page goes: then a check tells what several checks can show. */
  coverSecretPasses: boolean;
}

/** What is to be kept. */
export type Item =
  /** For a service. One that is there already is not replaced. */
  | { item: "policy"; server: string; policy: Uint8Array }
  /** For a log, by its key, and a dataset. Where there is one already, the later stays: `keepsList`. */
  | { item: "list"; log: string; dataset: string; list: SeenList }
  /** For a log. Where there is one already, the larger stays: `keepsCheckpoint`. */
  | { item: "checkpoint"; log: string; checkpoint: Uint8Array }
  /** A shard of the filter of a log's dataset, to be found again by its SHA-256 in hex. */
  | { item: "shard"; log: string; dataset: string; sha256: string; file: Uint8Array };

/** Where it is kept. Several pages may use one at once. */
export interface Storage {
  /** What there is for a service and a dataset. A secret is drawn where there is none. */
  load(server: string, dataset: string): Promise<Remembered>;
  /** The file of a shard; undefined when it is not there. */
  shard(dataset: string, sha256: string): Promise<Uint8Array | undefined>;
  /** Keeps something: compares with what is there and replaces it, in one step that nobody comes between. */
  store(item: Item): Promise<void>;
  /** Forgets everything. */
  clear(): Promise<void>;
}

/** Most logs whose memory is read. */
export const MOST_LOGS = 64;
/** Bytes of the secret for cover traffic. */
export const COVER_SECRET_BYTES = 32;

/** Whether the list that is there stays, and the new one is not kept. */
export function keepsList(old: SeenList, fresh: SeenList): boolean {
  return laterListIsOld(old.manifest, fresh.manifest);
}

/** Whether the checkpoint that is there stays, and the new one is not kept. */
export function keepsCheckpoint(old: Uint8Array, fresh: Uint8Array): boolean {
  return largerCheckpointIsOld(old, fresh);
}

/** The SHA-256 of every shard that a manifest names. */
export function shardsOf(manifest: Uint8Array): string[] {
  try {
    const { filter } = JSON.parse(new TextDecoder().decode(manifest)) as { filter: { shards: { sha256: string }[] } | null };
    return filter?.shards.map((shard) => shard.sha256) ?? [];
  } catch {
    return [];
  }
}

/** Random bytes, for a secret. */
export function drawSecret(): Uint8Array<ArrayBuffer> {
  return crypto.getRandomValues(new Uint8Array(COVER_SECRET_BYTES));
}

/** Keeps everything for as long as the page is open, and nothing on the device: for a device that others use as well. */
export function memoryStorage(): Storage {
  return new MemoryStorage();
}

class MemoryStorage implements Storage {
  private policies = new Map<string, Uint8Array>();
  private lists = new Map<string, Map<string, SeenList>>();
  private checkpoints = new Map<string, Uint8Array>();
  private shards = new Map<string, { log: string; dataset: string; file: Uint8Array }>();
  private secret = drawSecret();

  async load(server: string, dataset: string): Promise<Remembered> {
    return {
      policy: this.policies.get(server),
      lists: [...(this.lists.get(dataset)?.values() ?? [])].slice(0, MOST_LOGS),
      checkpoints: [...this.checkpoints.values()].slice(0, MOST_LOGS),
      damaged: false,
      coverSecret: this.secret.slice(),
      coverSecretPasses: true,
    };
  }

  async shard(dataset: string, sha256: string): Promise<Uint8Array | undefined> {
    const shard = this.shards.get(sha256);
    return shard?.dataset === dataset ? shard.file : undefined;
  }

  async store(item: Item): Promise<void> {
    switch (item.item) {
      case "policy":
        if (!this.policies.has(item.server)) {
          this.policies.set(item.server, item.policy);
        }
        return;
      case "list": {
        const lists = this.lists.get(item.dataset) ?? new Map<string, SeenList>();
        this.lists.set(item.dataset, lists);
        const old = lists.get(item.log);
        const kept = old && keepsList(old, item.list) ? old : item.list;
        lists.set(item.log, kept);
        const named = shardsOf(kept.manifest);
        for (const [sha256, { log, dataset }] of this.shards) {
          if (log === item.log && dataset === item.dataset && !named.includes(sha256)) {
            this.shards.delete(sha256);
          }
        }
        return;
      }
      case "checkpoint": {
        const old = this.checkpoints.get(item.log);
        if (!old || !keepsCheckpoint(old, item.checkpoint)) {
          this.checkpoints.set(item.log, item.checkpoint);
        }
        return;
      }
      case "shard":
        this.shards.set(item.sha256, { log: item.log, dataset: item.dataset, file: item.file });
    }
  }

  async clear(): Promise<void> {
    this.policies.clear();
    this.lists.clear();
    this.checkpoints.clear();
    this.shards.clear();
    this.secret = drawSecret();
  }
}
