/** Evidence that somebody brings: without a network, whatever was stored, and once `load` is done. */
import { evidenceQr as qr, verifyEvidence as verify } from "./raw.js";
import { taken } from "./error.js";
import { mustBeLoaded } from "./load.js";
import type { Manifest, Support } from "./report.js";

/** What an evidence file shows. */
export interface Verdict {
  /**
   * `filter_lacks_record` (listed, and the publisher's filter says not) and `record_unreadable` prove that the publisher broke
   * the rules. `invalid`: nothing is shown, neither that the NIK was listed nor that it was not.
   */
  verdict: "listed" | "not_listed" | "filter_lacks_record" | "record_unreadable" | "invalid";
  /** SHA-256 of the file in hex, to be compared with the printed one. */
  sha256: string;
  /** Whether the filter's cell is set; null without a filter. */
  cellIsSet: boolean | null;
  supports: Support[];
  /** The list, once it was found in the log under the policy. */
  list: EvidenceList | null;
  /** Every check of the specification, in order. */
  checks: { code: string; result: "passed" | "failed" | "not_reached"; /** English. */ detail: string | null }[];
}

/** The list that evidence is of. */
export interface EvidenceList {
  manifest: Manifest;
  /** SHA-256 of the manifest, in hex. */
  sha256: string;
  /** The key of its log. */
  log: string;
  /** Its place in the log, from 0. */
  logIndex: number;
  logSize: number;
  /** Who cosigned, and when, in seconds since 1970 by their own clocks. */
  witnesses: { name: string; keyName: string; time: number }[];
  /** The key of the evaluation, in base64url. */
  evaluationKey: string;
}

/** What to verify, and under which terms. */
export interface EvidenceOptions {
  /** The file's bytes, exactly. */
  file: Uint8Array;
  /** The NIK on the identity card, as it was typed. */
  nik: string;
  /** Whom to trust (C2SP tlog-policy). Where it comes from whoever brings the file, say that nobody vouched for it. */
  policy: string | Uint8Array;
  /** The list that the file must be of. */
  dataset?: string;
  acceptWeak?: boolean;
}

/** Verifies an evidence file. It computes the slow hash where it is called: half a second on a slow phone, in which a page stands still. */
export function verifyEvidence({ file, nik, policy, dataset, acceptWeak = false }: EvidenceOptions): Verdict {
  mustBeLoaded();
  const policyBytes = typeof policy === "string" ? new TextEncoder().encode(policy) : policy;
  const { manifest, list, ...rest } = JSON.parse(taken(() => verify(file, nik, policyBytes, dataset, acceptWeak))) as
    Omit<Verdict, "list"> & { manifest: string | null; list: Omit<EvidenceList, "manifest"> | null };
  const known = list !== null && manifest !== null;
  return { ...rest, list: known ? { ...list, manifest: JSON.parse(manifest) as Manifest } : null };
}

/** The content of the QR code that ties a printed sheet to an evidence file; it holds the file's hash and nothing else of it. */
export function evidenceQr(file: Uint8Array): string {
  mustBeLoaded();
  return qr(file);
}
