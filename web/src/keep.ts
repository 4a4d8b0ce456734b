/** Verifies a list and keeps it, without any NIK, so that a check needs no network after that. */
import { check } from "ceknik";
import { ahead } from "./ahead";
import type { Made } from "./ahead";
import type { Config } from "./config";
import { device } from "./device";

/**
 * Until when a check of that list works without a network; null where it does not. `lent`: by what was asked for ahead, as far
 * as there is any, and not by asking anew.
 */
export async function keepList(
  { server, policy }: Config,
  dataset: string,
  lent: boolean,
  signal: AbortSignal,
): Promise<Date | null> {
  const tells = new Map<string, Made["tells"]>();
  let until: string | null = null;
  let complete = false;
  try {
    await check({
      server,
      dataset,
      niks: [],
      ...(policy === null ? {} : { policy }),
      settings: { patienceSeconds: 0 },
      storage: device.storage,
      signal,
      onProgress: (progress) => {
        if (progress.kind === "request") {
          tells.set(progress.url, progress.tells);
        } else if (progress.kind === "list") {
          until = progress.validUntil;
        } else if (progress.kind === "filter") {
          complete = true;
        } else if (progress.kind === "storage_failed") {
          throw progress.error;
        }
      },
      fetch: (address, request) => {
        const url = String(address);
        return lent ? ahead.lend(url, tells.get(url)) : ahead.fetch(url, request, tells.get(url));
      },
    });
  } catch {
    return null;
  }
  return complete && until !== null ? new Date(until) : null;
}
