/** The service worker, which lets the page open without a network; and versions that come while the page is open. */

/** Keeps the page's files. `found` is told how to go over to a new version, once there is one. */
export async function keepPage(found: (takeOver: () => void) => void): Promise<void> {
  if (!("serviceWorker" in navigator)) {
    return; // In some apps' browsers there is none: the page works, and needs the network the next time.
  }
  try {
    const registration = await navigator.serviceWorker.register("sw.js", { updateViaCache: "none" });
    const look = () => {
      const { waiting } = registration;
      // Without a controller it is the first version, and the one that is open.
      if (waiting !== null && navigator.serviceWorker.controller !== null) {
        found(() => {
          navigator.serviceWorker.addEventListener("controllerchange", () => location.reload(), { once: true });
          waiting.postMessage("take over");
        });
      }
    };
    look();
    registration.addEventListener("updatefound", () => registration.installing?.addEventListener("statechange", look));
  } catch {
    // Likewise.
  }
}

/** Removes the page's files from this device, and whoever keeps them. */
export async function forgetPage(): Promise<void> {
  if ("caches" in window) {
    const names = await caches.keys();
    await Promise.all(names.filter((name) => name.startsWith("ceknik-")).map((name) => caches.delete(name)));
  }
  if ("serviceWorker" in navigator) {
    // This page's own: another page of the same host may have one, too.
    const registration = await navigator.serviceWorker.getRegistration();
    await registration?.unregister();
  }
}
