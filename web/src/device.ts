/** What this device remembers, and whether it may. */
import { indexedDbStorage, memoryStorage } from "ceknik";
import type { Storage } from "ceknik";
import { forgetPage, keepPage } from "./offline";
import { SHARED, forgetPreferences } from "./preferences";

/** With a device that others use as well, the screen is emptied after so long without a touch. */
const IDLE = 3 * 60_000;

export interface Device {
  /** Whether others use it, too. */
  shared: boolean;
  storage: Storage;
  /** Whether the browser keeps nothing, although it might. */
  forgetful: boolean;
}

export const device: Device = { shared: location.hash === SHARED, storage: memoryStorage(), forgetful: false };

/** Opens the storage. Without one, in some private windows, every visit is the first. */
export async function openStorage(): Promise<void> {
  device.forgetful = false;
  if (device.shared) {
    device.storage = memoryStorage();
    return;
  }
  try {
    device.storage = await indexedDbStorage();
  } catch {
    device.storage = memoryStorage();
    device.forgetful = true;
  }
}

/** Removes all that this page keeps on the device. */
export async function forgetEverything(): Promise<void> {
  await device.storage.clear();
  forgetPreferences();
  await forgetPage();
}

/** Goes over to a device that others use, or back. */
export async function share(shared: boolean, found: (takeOver: () => void) => void): Promise<void> {
  if (shared) {
    await forgetEverything();
  }
  device.shared = shared;
  await openStorage();
  if (!shared) {
    await keepPage(found);
  }
}

/** Calls `empty` when a shared device was left: after a while without a touch, or at once with the page. */
export function watchLeaving(empty: (idle: boolean) => void): void {
  let touched = Date.now();
  let timer: ReturnType<typeof setTimeout> | undefined;
  const leave = (idle: boolean) => {
    void device.storage.clear();
    empty(idle);
  };
  const look = () => {
    clearTimeout(timer);
    if (!device.shared) {
      return;
    }
    // By the clock: timers stand still while a phone sleeps.
    const left = touched + IDLE - Date.now();
    if (left <= 0) {
      touched = Date.now();
      leave(true);
    } else {
      timer = setTimeout(look, left);
    }
  };
  const touch = () => {
    touched = Date.now();
    look();
  };
  for (const event of ["pointerdown", "keydown", "input", "change", "scroll"]) {
    addEventListener(event, touch, { passive: true, capture: true });
  }
  document.addEventListener("visibilitychange", look);
  // The browser may keep a page that was left, and show it again with "back".
  addEventListener("pagehide", () => device.shared && leave(false));
  touch();
}
