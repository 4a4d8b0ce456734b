/**
 * The service worker: keeps the page's own files, so that the page opens without a network. Of the service's files it keeps
 * none: those are kept, and verified again, by the page. Requests about a NIK pass through untouched.
 */
/// <reference lib="webworker" />
export {};

const worker = self as unknown as ServiceWorkerGlobalScope;

/** The files of this build with their SHA-256; filled in when it is done. */
const FILES = JSON.parse("__FILES__") as [string, string][];
/** The host's own, which may change without a build. */
const CONFIG = "config.json";
/** Names this worker too, so that it can have no hash here. */
const SUMS = "SHA256SUMS";
/** With the path, since another page of the same host may have a worker, too; as in config.ts. */
const PAGE = `ceknik-page ${new URL(worker.registration.scope).pathname} `;

const address = (file: string) => new URL(file, worker.registration.scope).href;

function hex(bytes: ArrayBuffer): string {
  return Array.from(new Uint8Array(bytes), (byte) => byte.toString(16).padStart(2, "0")).join("");
}

/** A cache for each build. */
const name = crypto.subtle
  .digest("SHA-256", new TextEncoder().encode(FILES.flat().join("\n")))
  .then((digest) => PAGE + hex(digest).slice(0, 16));
const cache = name.then((name) => caches.open(name));

/** All files or none: a page of two builds would be neither. */
async function install(): Promise<void> {
  await Promise.all([
    ...FILES.map(async ([file, sha256]) => {
      const response = await fetched(file);
      if (hex(await crypto.subtle.digest("SHA-256", await response.clone().arrayBuffer())) !== sha256) {
        throw new Error(`${file}: not of this build`);
      }
      await keep(file, response);
    }),
    fetched(SUMS).then(async (response) => {
      const sums = await response.clone().text();
      if (!FILES.every(([file, sha256]) => sums.includes(`${sha256}  ${file}\n`))) {
        throw new Error(`${SUMS}: not of this build`);
      }
      await keep(SUMS, response);
    }),
    fetched(CONFIG, [404]).then((response) => keep(CONFIG, response)),
  ]);
}

async function fetched(file: string, others: number[] = []): Promise<Response> {
  const response = await fetch(address(file), { cache: "no-cache", credentials: "omit", referrerPolicy: "no-referrer" });
  if (!response.ok && !others.includes(response.status)) {
    throw new Error(`${file}: status ${response.status}`);
  }
  return response;
}

/** Keeps a response without what it went through: one that was redirected does not open a page. */
async function keep(file: string, { body, status, headers }: Response): Promise<void> {
  await (await cache).put(address(file), new Response(body, { status, headers }));
}

async function activate(): Promise<void> {
  for (const other of await caches.keys()) {
    if (other.startsWith(PAGE) && other !== (await name)) {
      await caches.delete(other);
    }
  }
  await worker.clients.claim();
}

worker.addEventListener("install", (event) => event.waitUntil(install()));
worker.addEventListener("activate", (event) => event.waitUntil(activate()));
worker.addEventListener("message", (event) => {
  if (event.data === "take over") {
    void worker.skipWaiting();
  }
});

worker.addEventListener("fetch", (event) => {
  const { request } = event;
  const { origin, pathname } = new URL(request.url);
  if (request.method !== "GET" || !(origin + pathname).startsWith(worker.registration.scope)) {
    return;
  }
  const asked = (origin + pathname).slice(worker.registration.scope.length) || "index.html";
  // Some hosts leave the ending of pages out.
  const file = [asked, `${asked}.html`].find((one) => one === SUMS || FILES.some(([known]) => known === one));
  if (file !== undefined) {
    event.respondWith(kept(file, request));
  } else if (asked === CONFIG) {
    event.respondWith(freshOrKept(request));
  }
});

async function kept(file: string, request: Request): Promise<Response> {
  return (await (await cache).match(address(file))) ?? fetch(request);
}

async function freshOrKept(request: Request): Promise<Response> {
  try {
    const response = await fetch(request);
    if (response.ok || response.status === 404) {
      await keep(CONFIG, response.clone());
    }
    return response;
  } catch (error) {
    const old = await (await cache).match(address(CONFIG));
    if (old !== undefined) {
      return old;
    }
    throw error;
  }
}
