/** The fingerprint of this build: the SHA-256 of its list of files and their hashes. */

let found: Promise<string | null> | undefined;

/** In hex; null where it cannot be had. */
export function fingerprint(): Promise<string | null> {
  found ??= read();
  return found;
}

async function read(): Promise<string | null> {
  try {
    const response = await fetch("SHA256SUMS", { credentials: "omit", referrerPolicy: "no-referrer" });
    if (!response.ok) {
      return null;
    }
    const digest = new Uint8Array(await crypto.subtle.digest("SHA-256", await response.arrayBuffer()));
    return Array.from(digest, (byte) => byte.toString(16).padStart(2, "0")).join("");
  } catch {
    return null;
  }
}
