/** The lists that the service has. The answer is kept, so that without a network it is known which lists are on this device. */
import { datasets } from "ceknik";
import type { Dataset } from "ceknik";

const CACHE = "ceknik-lists";

/** As the service says now. `keep`: for a visit without a network. Rejects where they cannot be had. */
export function freshLists(server: string, keep: boolean): Promise<Dataset[]> {
  return datasets(server, {
    fetch: async (address, request) => {
      const response = await fetch(address, request);
      if (keep && response.ok && "caches" in globalThis) {
        const copy = response.clone();
        await caches
          .open(CACHE)
          .then((cache) => cache.put(String(address), copy))
          .catch(() => undefined); // There is no room: the page works, and needs the network the next time.
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
        const kept = await caches.match(String(address), { cacheName: CACHE });
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
