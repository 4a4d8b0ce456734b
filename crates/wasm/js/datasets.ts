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

/** How a dataset is served, as the service says. Nothing of it is verified. */
export interface DatasetStatus {
  id: string;
  epoch: number;
  validUntil: string;
  /** How much of the evaluations is used that can be had; `full`: who asks now may be told to come back later. */
  load: "calm" | "busy" | "full";
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
export function datasets(server: string, options: DatasetsOptions = {}): Promise<Dataset[]> {
  return listed(server, options, "/v1/datasets", "the list of datasets", ({ id, title, epoch, manifest, valid_until }) => {
    const { id: indonesian, en: english } = title as Partial<Text>;
    texts(id, indonesian, english, manifest, valid_until);
    whole(epoch);
    return { id, title: { id: indonesian, en: english }, epoch, manifest, validUntil: valid_until } as Dataset;
  });
}

/** How a service is (`GET /v1/status`), likewise. */
export function status(server: string, options: DatasetsOptions = {}): Promise<DatasetStatus[]> {
  return listed(server, options, "/v1/status", "the service's status", ({ id, epoch, valid_until, load }) => {
    texts(id, valid_until);
    whole(epoch);
    if (load !== "calm" && load !== "busy" && load !== "full") {
      throw new TypeError();
    }
    return { id, epoch, validUntil: valid_until, load } as DatasetStatus;
  });
}

/** A file of the service that has an entry for each dataset. */
async function listed<Entry>(
  server: string,
  options: DatasetsOptions,
  path: string,
  what: string,
  entry: (from: Record<string, unknown>) => Entry,
): Promise<Entry[]> {
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
      path,
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
    throw new CeknikError("unavailable", `${what} could not be had: ${fetched.how}`);
  }
  if (fetched.status !== 200) {
    throw new CeknikError("unavailable", `${what} could not be had: status ${fetched.status}`);
  }
  try {
    const { datasets } = JSON.parse(new TextDecoder().decode(fetched.body)) as { datasets: Record<string, unknown>[] };
    return datasets.map(entry);
  } catch {
    throw new CeknikError("unavailable", `${what} is not of its form`);
  }
}

function texts(...values: unknown[]): void {
  if (!values.every((value) => typeof value === "string")) {
    throw new TypeError();
  }
}

function whole(value: unknown): void {
  if (!Number.isSafeInteger(value)) {
    throw new TypeError();
  }
}
