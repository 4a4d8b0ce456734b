/** The lists that the service has. The answer is kept, so that without a network it is known which lists are on this device. */
import { datasets, status } from "ceknik";
import type { Dataset, DatasetStatus } from "ceknik";
import { ahead } from "./ahead";
import { LISTS_CACHE } from "./config";
import { isShared } from "./preferences";

/** As the service says now, which is kept for a visit without a network. Rejects where they cannot be had. */
export function freshLists(server: string): Promise<Dataset[]> {
  return datasets(server, {
    fetch: async (address, request) => {
      // Opened before anything comes: where somebody clears the device meanwhile, what comes goes with what was cleared.
      const opened = "caches" in globalThis && !isShared() ? caches.open(LISTS_CACHE) : null;
      opened?.catch(() => undefined);
      const response = await ahead.fetch(String(address), request);
      if (opened !== null && response.ok) {
        const copy = response.clone();
        // Where there is no room, the page works, and needs the network the next time.
        await opened.then((cache) => cache.put(String(address), copy)).catch(() => undefined);
      }
      return response;
    },
  });
}

/** As the service said at an earlier visit; null when there was none. */
export async function keptLists(server: string): Promise<Dataset[] | null> {
  try {
    return await datasets(server, {
      fetch: async (address) => {
        const kept = await caches.match(String(address), { cacheName: LISTS_CACHE });
        if (kept === undefined) {
          throw new TypeError("not kept");
        }
        return kept;
      },
    });
  } catch {
    return null;
  }
}

/** How busy the service is, by list; empty where it does not say. */
export async function loadsOf(server: string): Promise<Map<string, DatasetStatus["load"]>> {
  try {
    const found = await status(server, { fetch: (address, request) => ahead.fetch(String(address), request) });
    return new Map(found.map(({ id, load }) => [id, load]));
  } catch {
    return new Map();
  }
}
