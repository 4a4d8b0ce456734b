/**
 * Storage in the browser's IndexedDB, one object store of files by these keys:
 *
 *     ["policy", SERVER]                     the policy pinned for a service
 *     ["list", LOG, DATASET]                 the list seen last of a log, LOG being its key
 *     ["checkpoint", LOG]                    the largest checkpoint seen of a log
 *     ["shard", LOG, DATASET, SHA256]        shards of that list's filter
 *     ["cover-secret"]                       32 bytes of this device
 *
 * What is compared is replaced in the same transaction, so that two pages do not undo each other's.
 */
import { load as loadModule } from "./load.js";
import { CeknikError } from "./error.js";
import { COVER_SECRET_BYTES, MOST_LOGS, drawSecret, keepsCheckpoint, keepsList, shardsOf } from "./storage.js";
import type { Item, Remembered, SeenList, Storage } from "./storage.js";

const FILES = "files";

/**
 * Opens the storage of this origin.
 *
 * Rejects with a `CeknikError` of code `storage` where there is none, as in some private windows; `memoryStorage` is there
 * always.
 */
export async function indexedDbStorage(name = "ceknik"): Promise<Storage> {
  if (typeof indexedDB === "undefined") {
    throw new CeknikError("storage", "this browser has no IndexedDB");
  }
  // Its rules for what to keep are the module's.
  await loadModule();
  const database = await new Promise<IDBDatabase>((resolve, reject) => {
    let opening: IDBOpenDBRequest;
    try {
      opening = indexedDB.open(name, 1);
    } catch (error) {
      reject(failed(error));
      return;
    }
    opening.onupgradeneeded = () => opening.result.createObjectStore(FILES);
    opening.onsuccess = () => resolve(opening.result);
    opening.onerror = () => reject(failed(opening.error));
    opening.onblocked = () => reject(failed("another page holds an earlier version open"));
  });
  // A later version of this package, in another page, is not kept waiting.
  database.onversionchange = () => database.close();
  return new IndexedDbStorage(database);
}

function failed(error: unknown): CeknikError {
  return new CeknikError("storage", `the browser's storage cannot be used: ${String(error)}`, error);
}

class IndexedDbStorage implements Storage {
  constructor(private readonly database: IDBDatabase) {}

  /** Runs steps within one transaction; they may await its requests alone. */
  private run<T>(mode: IDBTransactionMode, steps: (files: IDBObjectStore) => Promise<T>): Promise<T> {
    return new Promise((resolve, reject) => {
      try {
        // What is remembered is to outlast a loss of power: a policy that was lost would be pinned anew, from whoever answers.
        const transaction = this.database.transaction(FILES, mode, { durability: "strict" });
        let done: { value: T } | undefined;
        transaction.oncomplete = () => (done ? resolve(done.value) : reject(failed("a transaction ended too early")));
        transaction.onabort = () => reject(failed(transaction.error));
        steps(transaction.objectStore(FILES)).then(
          (value) => (done = { value }),
          (error: unknown) => {
            reject(failed(error));
            try {
              transaction.abort();
            } catch {
              // It is over already.
            }
          },
        );
      } catch (error) {
        reject(failed(error));
      }
    });
  }

  load(server: string, dataset: string): Promise<Remembered> {
    return this.run("readwrite", async (files) => {
      const remembered: Remembered = { lists: [], checkpoints: [], damaged: false, coverSecretPasses: false };
      const policy = await of(files.get(["policy", server]));
      if (policy !== undefined) {
        remembered.policy = isBytes(policy) ? policy : "damaged";
      }
      const lists = (await keys(files, "list")).filter((key) => key[2] === dataset);
      for (const key of lists.slice(0, MOST_LOGS)) {
        const list = await of(files.get(key));
        if (isList(list)) {
          remembered.lists.push(list);
        } else {
          remembered.damaged = true;
        }
      }
      for (const key of (await keys(files, "checkpoint")).slice(0, MOST_LOGS)) {
        const checkpoint = await of(files.get(key));
        if (isBytes(checkpoint)) {
          remembered.checkpoints.push(checkpoint);
        } else {
          remembered.damaged = true;
        }
      }
      const secret = await of(files.get(["cover-secret"]));
      if (isBytes(secret) && secret.length === COVER_SECRET_BYTES) {
        remembered.coverSecret = secret;
      } else {
        // There is none, or it is damaged: a new one, and new coins.
        remembered.coverSecret = drawSecret();
        await of(files.put(remembered.coverSecret, ["cover-secret"]));
      }
      return remembered;
    });
  }

  shard(dataset: string, sha256: string): Promise<Uint8Array | undefined> {
    return this.run("readonly", async (files) => {
      const key = (await keys(files, "shard")).find((key) => key[2] === dataset && key[3] === sha256);
      const file = key && (await of(files.get(key)));
      return isBytes(file) ? file : undefined;
    });
  }

  store(item: Item): Promise<void> {
    return this.run("readwrite", async (files) => {
      switch (item.item) {
        case "policy":
          if ((await of(files.getKey(["policy", item.server]))) === undefined) {
            await of(files.put(item.policy, ["policy", item.server]));
          }
          return;
        case "list": {
          const key = ["list", item.log, item.dataset];
          const old = await of(files.get(key));
          const kept = isList(old) && keepsList(old, item.list) ? old : item.list;
          await of(files.put(kept, key));
          const named = shardsOf(kept.manifest);
          for (const shard of await keys(files, "shard", item.log, item.dataset)) {
            if (!named.includes(shard[3] as string)) {
              await of(files.delete(shard));
            }
          }
          return;
        }
        case "checkpoint": {
          const key = ["checkpoint", item.log];
          const old = await of(files.get(key));
          if (!isBytes(old) || !keepsCheckpoint(old, item.checkpoint)) {
            await of(files.put(item.checkpoint, key));
          }
          return;
        }
        case "shard":
          await of(files.put(item.file, ["shard", item.log, item.dataset, item.sha256]));
      }
    });
  }

  clear(): Promise<void> {
    return this.run("readwrite", async (files) => void (await of(files.clear())));
  }
}

/** What a request of a transaction gives. */
function of<T>(request: IDBRequest<T>): Promise<T> {
  return new Promise((resolve, reject) => {
    request.onsuccess = () => resolve(request.result);
    request.onerror = () => reject(request.error);
  });
}

/** All keys that begin with these words. */
async function keys(files: IDBObjectStore, ...beginning: string[]): Promise<IDBValidKey[][]> {
  // An array stands behind every text in the order of keys.
  const range = IDBKeyRange.bound(beginning, [...beginning, []]);
  return (await of(files.getAllKeys(range))) as IDBValidKey[][];
}

function isBytes(value: unknown): value is Uint8Array {
  return value instanceof Uint8Array;
}

function isList(value: unknown): value is SeenList {
  const list = value as Partial<SeenList> | undefined;
  return isBytes(list?.manifest) && isBytes(list?.proof);
}
