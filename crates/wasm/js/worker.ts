/** The worker: the slow hash, in an instance of the module of its own, whose memory goes when the worker is ended. */
import init, { Stretcher } from "./raw.js";
import { isOutOfMemory } from "./memory.js";

/** What a worker is told: first the module, then jobs. */
export type ToWorker = { module: WebAssembly.Module } | { ticket: number; job: Uint8Array };
/** What it tells: that it is ready; what became of a job; that it cannot do them. */
export type FromWorker =
  | { ready: true }
  | { ticket: number; result: Uint8Array }
  | { ticket: number; noMemory: true }
  | { failed: string };

/** Where a worker is told things, and tells. */
interface Scope {
  onmessage: ((message: MessageEvent<ToWorker>) => void) | null;
  postMessage(message: FromWorker, transfer?: Transferable[]): void;
}

/** Does what the worker of a scope does. */
function serve(scope: Scope): void {
  let stretcher: Stretcher | undefined;
  scope.onmessage = async ({ data }) => {
    if ("module" in data) {
      try {
        await init({ module_or_path: data.module });
        stretcher = new Stretcher();
        scope.postMessage({ ready: true });
      } catch (thrown) {
        scope.postMessage({ failed: String(thrown) });
      }
      return;
    }
    const { ticket, job } = data;
    try {
      const result = stretcher?.run(job);
      job.fill(0);
      if (result) {
        scope.postMessage({ ticket, result }, [result.buffer as ArrayBuffer]);
      } else {
        scope.postMessage({ failed: "a job was not understood" });
      }
    } catch (thrown) {
      scope.postMessage(isOutOfMemory(thrown) ? { ticket, noMemory: true } : { failed: String(thrown) });
    }
  };
}

// Imported by a page it does nothing.
if (typeof (globalThis as { WorkerGlobalScope?: unknown }).WorkerGlobalScope !== "undefined") {
  serve(globalThis as unknown as Scope);
}
