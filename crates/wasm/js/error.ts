/** Why something could not be done at all. What goes wrong within a check is in its answers. */
export type ErrorCode =
  /** Something that was given is not of its form: an address, a dataset, a NIK, a policy, a setting. */
  | "refused"
  /** WebAssembly is not there, or the module could not be fetched or is not this package's. */
  | "module"
  /** What is kept on the device cannot be read. It may hold a pinned policy: to go on would be to trust the service anew. */
  | "storage"
  /** The list of datasets could not be had. */
  | "unavailable";

/** An error of this package. Its message is English, and repeats nothing of a NIK. */
export class CeknikError extends Error {
  readonly code: ErrorCode;

  constructor(code: ErrorCode, message: string, cause?: unknown) {
    super(message, cause === undefined ? undefined : { cause });
    this.name = "CeknikError";
    this.code = code;
  }
}

/** Runs something that the module may refuse, which it does by throwing a text. */
export function taken<T>(step: () => T): T {
  try {
    return step();
  } catch (thrown) {
    throw typeof thrown === "string" ? new CeknikError("refused", thrown) : thrown;
  }
}

/** What to reject with when a signal was aborted; browsers of some years ago keep no reason. */
export function abortReason(signal: AbortSignal | undefined): unknown {
  return signal?.reason ?? new DOMException("the check was cancelled", "AbortError");
}
