/** The service worker, which lets the page open without a network; and versions that come while the page is open. */
import { LISTS_CACHE, PAGE_CACHE, PLACE } from "./config";

/** Keeps the page's files. `found` is told how to go over to a new version, once there is one. */
export async function keepPage(found: (takeOver: () => void) => void): Promise<void> {
  if (!("serviceWorker" in navigator)) {
    return; // In some apps' browsers there is none: the page works, and needs the network the next time.
  }
  const { serviceWorker } = navigator;
  const reload = () => location.reload();
  try {
    const registration = await serviceWorker.register("sw.js", { updateViaCache: "none" });
    const look = () => {
      // Without a controller it is the first version, and the one that is open.
      if (registration.waiting !== null && serviceWorker.controller !== null) {
        // Another tab may take it in the meantime.
        serviceWorker.addEventListener("controllerchange", () => found(reload), { once: true });
        found(() => {
          const { waiting } = registration;
          if (waiting === null) {
            reload();
          } else {
            serviceWorker.addEventListener("controllerchange", reload, { once: true });
            waiting.postMessage("take over");
          }
        });
      }
    };
    look();
    registration.addEventListener("updatefound", () => registration.installing?.addEventListener("statechange", look));
  } catch {
    // Likewise.
  }
}

/** Removes the page's files from this device, and whoever keeps them; not those of another page of the same host. */
export async function forgetPage(): Promise<void> {
  if ("caches" in window) {
    const own = (await caches.keys()).filter((name) => name === LISTS_CACHE || name.startsWith(PAGE_CACHE));
    await Promise.all(own.map((name) => caches.delete(name)));
  }
  if ("serviceWorker" in navigator) {
    const registration = await navigator.serviceWorker.getRegistration();
    if (registration !== undefined && new URL(registration.scope).pathname === PLACE) {
      await registration.unregister();
    }
  }
}
