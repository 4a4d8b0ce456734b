/**
 * The service worker: keeps the page's own files, so that the page opens without a network. Of the service's files it keeps
 * the list of datasets alone; everything else is kept, and verified again, by the package `ceknik`. Requests about a NIK pass
 * through untouched.
 */
/// <reference lib="webworker" />
export {};

const worker = self as unknown as ServiceWorkerGlobalScope;

/** The files of this build with their SHA-256; filled in when it is done. */
const FILES = JSON.parse("__FILES__") as [string, string][];
const PAGE = "ceknik-page-";
const LISTS = "ceknik-lists";

const address = (file: string) => new URL(file, worker.registration.scope).href;

async function name(): Promise<string> {
  const bytes = new TextEncoder().encode(FILES.flat().join("\n"));
  const digest = new Uint8Array(await crypto.subtle.digest("SHA-256", bytes));
  return PAGE + Array.from(digest.subarray(0, 8), (byte) => byte.toString(16).padStart(2, "0")).join("");
}

async function install(): Promise<void> {
  const cache = await caches.open(await name());
  await Promise.all(
    FILES.map(async ([file, sha256]) => {
      const response = await fetch(address(file), { cache: "no-cache", credentials: "omit", referrerPolicy: "no-referrer" });
      if (!response.ok) {
        throw new Error(`${file}: status ${response.status}`);
      }
      const digest = new Uint8Array(await crypto.subtle.digest("SHA-256", await response.clone().arrayBuffer()));
      if (Array.from(digest, (byte) => byte.toString(16).padStart(2, "0")).join("") !== sha256) {
        throw new Error(`${file}: not of this build`);
      }
      await cache.put(address(file), response);
    }),
  );
}

async function activate(): Promise<void> {
  const own = await name();
  for (const key of await caches.keys()) {
    if (key.startsWith(PAGE) && key !== own) {
      await caches.delete(key);
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
  if (request.method !== "GET") {
    return;
  }
  const url = new URL(request.url);
  const file = url.origin + url.pathname.replace(/\/$/, "/index.html");
  if (FILES.some(([known]) => address(known) === file)) {
    event.respondWith(kept(file, request));
  } else if (/\/(v1\/datasets|config\.json)$/.test(url.pathname)) {
    event.respondWith(freshOrKept(request));
  }
});

async function kept(file: string, request: Request): Promise<Response> {
  const cache = await caches.open(await name());
  return (await cache.match(file)) ?? fetch(request);
}

async function freshOrKept(request: Request): Promise<Response> {
  const cache = await caches.open(LISTS);
  try {
    const response = await fetch(request);
    if (response.ok) {
      await cache.put(request.url, response.clone());
    }
    return response;
  } catch (error) {
    const old = await cache.match(request.url);
    if (old !== undefined) {
      return old;
    }
    throw error;
  }
}
