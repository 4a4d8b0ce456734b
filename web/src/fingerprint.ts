/** The fingerprint of this build, and how to compare it. */
import { el, put } from "./dom";
import { t } from "./language";

let found: Promise<string | null> | undefined;

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

/** A line with the fingerprint; nothing where it cannot be had. */
export function fingerprint(): HTMLElement {
  const line = el("p", { class: "fingerprint" });
  found ??= read();
  void found.then((hash) => {
    if (hash !== null) {
      put(
        line,
        `${t().build}: `,
        el("code", {}, hash),
        " ",
        el("a", { href: "cara-kerja.html#sidik" }, t().buildHow),
      );
    }
  });
  return line;
}
