import { evidenceQr as qr } from "./raw.js";
import { mustBeLoaded } from "./load.js";

/** The content of the QR code that ties a printed sheet to an evidence file; it holds the file's hash and nothing else of it. */
export function evidenceQr(file: Uint8Array): string {
  mustBeLoaded();
  return qr(file);
}
