import { CeknikError, abortReason } from "./error.js";
import { Http, TIMEOUTS, serverAddress } from "./http.js";
import type { Text } from "./report.js";

/** A dataset as a service lists it. Nothing of it is verified: for choosing what to check, and not for showing as true. */
export interface Dataset {
  /** Its id, for `check`. */
  id: string;
  title: Text;
  /** Number of the current epoch. */
  epoch: number;
  /** SHA-256 of its manifest, in hex. */
  manifest: string;
  /** When it expires, as RFC 3339. */
  validUntil: string;
}

/** Where to ask, and how. */
export interface DatasetsOptions {
  /** Allows `http://` to another machine than this one. */
  allowPlainHttp?: boolean;
  signal?: AbortSignal;
  fetch?: typeof globalThis.fetch;
}

/** Most bytes of the list. */
const MOST_BYTES = 1 << 20;

/** The datasets of a service (`GET /v1/datasets`). Rejects with a `CeknikError` of code `unavailable` where they cannot be had. */
export async function datasets(server: string, options: DatasetsOptions = {}): Promise<Dataset[]> {
  const address = serverAddress(server, options.allowPlainHttp ?? false);
  if (address === null) {
    throw new CeknikError("refused", "server: not an address of the form https://host/");
  }
  const signal = options.signal ?? new AbortController().signal;
  const http = new Http(address, TIMEOUTS, options.fetch ?? globalThis.fetch, signal);
  const fetched = await http.perform(
    {
      ticket: 0,
      method: "GET",
      path: "/v1/datasets",
      body: null,
      maxBytes: MOST_BYTES,
      maxProblemBytes: 0,
      whole: false,
      cache: "revalidate",
      tells: { code: "public_file", text: "the same file for everybody" },
    },
    () => undefined,
  );
  if (signal.aborted) {
    throw abortReason(signal);
  }
  if (fetched.how !== "responded") {
    throw new CeknikError("unavailable", `the list of datasets could not be had: ${fetched.how}`);
  }
  if (fetched.status !== 200) {
    throw new CeknikError("unavailable", `the list of datasets could not be had: status ${fetched.status}`);
  }
  const listed = read(fetched.body);
  if (listed === null) {
    throw new CeknikError("unavailable", "the list of datasets is not of its form");
  }
  return listed;
}

function read(body: Uint8Array): Dataset[] | null {
  try {
    const { datasets } = JSON.parse(new TextDecoder().decode(body)) as { datasets: Record<string, unknown>[] };
    return datasets.map((entry) => {
      const { id, title, epoch, manifest, valid_until: validUntil } = entry;
      const { id: indonesian, en: english } = title as Partial<Text>;
      const texts = [id, indonesian, english, manifest, validUntil];
      if (!texts.every((text) => typeof text === "string") || !Number.isSafeInteger(epoch)) {
        throw new TypeError();
      }
      return { id, title: { id: indonesian, en: english }, epoch, manifest, validUntil } as Dataset;
    });
  } catch {
    return null;
  }
}
