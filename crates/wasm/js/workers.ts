/** Workers of this package, and one that is started before it is needed. */
import { moduleFrom } from "./load.js";
import type { WorkerMaker } from "./stretching.js";

const start: WorkerMaker = () => new Worker(new URL("./worker.js", import.meta.url), { type: "module" });

let spare: Worker | undefined;

/** The one that was started already, or another. */
export const newWorker: WorkerMaker = () => {
  const worker = spare ?? start();
  spare = undefined;
  return worker;
};

/**
 * Starts a worker for the next check, once: called while somebody types, it saves that check the time. It takes no memory for
 * the slow hash before it is given work. Where workers are not to be had, nothing happens, and the check finds that out.
 */
export async function prepareWorker(): Promise<void> {
  const module = await moduleFrom();
  if (spare !== undefined || typeof Worker === "undefined") {
    return;
  }
  try {
    const worker = start();
    worker.onerror = (event) => {
      event.preventDefault();
      if (spare === worker) {
        spare = undefined;
      }
    };
    // What a check tells a worker first. Told again, it is ready at once.
    worker.postMessage({ module });
    spare = worker;
  } catch {
    // Likewise.
  }
}
