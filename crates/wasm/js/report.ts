import type { Tells } from "./http.js";
import type { Said } from "./nik.js";

/** A text in Indonesian and in English. */
export interface Text {
  id: string;
  en: string;
}

/** All that a check came to. */
export interface Report {
  /** One for each NIK, in the order in which they were given. */
  outcomes: Outcome[];
  /** The list that was believed; null where none was. */
  list: List | null;
  /** On what the trust in it rests; null where there was no policy. */
  trust: Trust | null;
  /** Every request that was made. */
  requests: RequestMade[];
  /**
   * Seconds after which the service wants to be asked again, where somebody lacks an answer, or a confirmation for cover, that
   * later may be had; null where nobody does, or it did not say. Who checks again does so for both alike: else the service
   * sees who comes back, and knows who hit.
   */
  retryAfter: number | null;
}

/** The answer for one NIK. */
export interface Outcome {
  answer: Answer;
  /** What the filter said; null where it was not asked. */
  local: "hit" | "miss" | null;
  /** When the list that answers was published, as RFC 3339. */
  asOf: string | null;
  epoch: number | null;
  /** What should be said beside the answer. */
  warnings: Said<WarningCode>[];
  /** The evidence file, ASCII to be kept byte for byte; null unless it was wanted and there is a confirmed answer. */
  evidence: string | null;
}

/** What is known of one NIK. There are four, and a failure is always the fourth. */
export type Answer =
  /** On the list, with what it says: at least one support. */
  | { code: "listed"; supports: Support[] }
  /** Not on the list, as of its date. */
  | { code: "not_listed" }
  /** The filter hits, which it does for people who are not listed as well, and nothing was asked further. */
  | { code: "maybe"; because: "local_only" | "offline" | "unreachable" | "too_few_people" }
  /** Nothing is known. */
  | {
      code: "no_answer";
      /** Which check failed, or what could not be had: the codes of the specification. */
      reason: string;
      /** The same as an English clause. */
      text: string;
      /** Particulars, in English only: for a report to the publisher, and not for people to read alone. */
      detail: string | null;
      /** Of a list that is too old (`stale`): when it expired, as RFC 3339. */
      expired: string | null;
      /** Seconds after which the service would be asked again. */
      retryAfter: number | null;
      /** Whether nobody did wrong, and later may be better: when the service is asked again, or the device is connected. */
      passing: boolean;
    };

/** One support: ids that the manifest explains under `candidates` and `statuses`. */
export interface Support {
  candidate: string;
  status: string;
  /** `YYYY-MM-DD`. */
  submitted: string | null;
}

/** Codes of warnings. */
export type WarningCode =
  | "warn_date"
  | "warn_region"
  | "warn_serial"
  | "warn_repeated"
  | "weak"
  | "service_unreachable"
  | "memory_lost"
  | "filter_lacks_record"
  | "cover_unconfirmed"
  | "cover_forgotten"
  | "unexplained_id";

/** A list that was verified. */
export interface List {
  /** The manifest, read. */
  manifest: Manifest;
  /** Its exact bytes. */
  bytes: Uint8Array;
  /** SHA-256 of those, in hex. */
  sha256: string;
  /** The key of its log. */
  log: string;
  /** Its place in the log, from 0. */
  logIndex: number;
}

/** A manifest, with the names of the specification (docs/spec.md, "Manifest"). */
export interface Manifest {
  protocol: "ceknik/1";
  log: string;
  dataset: string;
  epoch: number;
  previous: string | null;
  published_at: string;
  valid_until: string;
  title: Text;
  coverage: Text;
  records: number;
  population: number;
  stretch: { algorithm: "argon2id"; memory_kib: number; passes: number; lanes: number; salt: string; weak: boolean };
  filter: {
    format: "bloom/1";
    generation: number;
    shard_bits: number;
    seed: string;
    members: number;
    noise: number;
    shards: { bytes: number; sha256: string; root: string }[];
  } | null;
  oprf: { suite: string; public_key: string; next: { public_key: string; from_epoch: number } | null };
  buckets: { bits: number; payload_bytes: number; root: string; response_bytes: number };
  disclosure: {
    posterior_percent: number | null;
    odds_factor: number | null;
    epoch_odds_factor: number | null;
    people_per_bucket: number;
    cover_percent: number;
    evaluations_per_day: number;
  };
  candidates: Record<string, Text>;
  statuses: Record<string, Text>;
  guidance: { region: string | null; id: string; en: string; url: string }[];
  mirrors: string[];
  extensions: Record<string, unknown>;
}

/** The policy that a check went by. */
export interface Trust {
  /**
   * `given` by the caller; `pinned_before` at an earlier visit; `pinned_now`: taken from the service just now, so that
   * whoever answered is trusted from here on. Show the keys then, for people to compare.
   */
  basis: "given" | "pinned_before" | "pinned_now";
  /** Verifier keys of its logs, and of its witnesses. */
  logs: string[];
  witnesses: string[];
  /** The policy, to be given or kept elsewhere. */
  policy: Uint8Array;
}

/** A request that was made, for the person who asks what left the device. */
export interface RequestMade {
  /** When, as RFC 3339. */
  at: string;
  method: "GET" | "POST";
  url: string;
  path: string;
  /** All that was sent beside the address and what a browser adds to every request. */
  body: string | null;
  /** Why it tells nothing. */
  tells: Tells;
  /** The response's status; null while there is none. */
  status: number | null;
  /** Bytes of the response's body, decompressed. */
  receivedBytes: number;
}
