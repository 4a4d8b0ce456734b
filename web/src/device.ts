/** What this device remembers, and whether it may. */
import { indexedDbStorage, memoryStorage } from "ceknik";
import type { Item, Remembered, Storage } from "ceknik";
import { DATABASE } from "./config";
import { forgetPage, keepPage } from "./offline";
import { SHARED, forgetPreferences, isShared, putInAddress } from "./preferences";

/** With a device that others use as well, the screen is emptied after so long without a touch. */
const IDLE = 3 * 60_000;
/** So long before that it is said: WCAG 2.2, 2.2.1, asks for 20 seconds at least. */
const WARNED = 30_000;

/**
 * Where this visit reads and writes. That can change while a check runs, which then goes on at the new place: nothing is written
 * to the old one any more.
 */
class Place implements Storage {
  private now = memoryStorage();
  private readonly running = new Set<Promise<unknown>>();

  /** Goes over to another place. Gives the one before, once all that was begun there is over. */
  async goTo(place: Storage): Promise<Storage> {
    const before = this.now;
    this.now = place;
    device.pinned = false;
    await Promise.allSettled(this.running);
    return before;
  }

  load(server: string, dataset: string): Promise<Remembered> {
    // A secret may be drawn, and written.
    return this.noted(this.now.load(server, dataset));
  }

  shard(dataset: string, sha256: string): Promise<Uint8Array | undefined> {
    return this.now.shard(dataset, sha256);
  }

  store(item: Item): Promise<void> {
    device.pinned ||= item.item === "policy";
    return this.noted(this.now.store(item));
  }

  clear(): Promise<void> {
    return this.now.clear();
  }

  private noted<T>(step: Promise<T>): Promise<T> {
    this.running.add(step);
    const over = () => void this.running.delete(step);
    step.then(over, over);
    return step;
  }
}

const place = new Place();

export const device = {
  storage: place as Storage,
  /** Whether the browser keeps nothing, although it might. */
  forgetful: false,
  /** Whether a policy was pinned since the page was opened: perhaps before anything was checked. */
  pinned: false,
};

/** The storage that is being opened: before that is done there is nothing to be forgotten. */
let opening = Promise.resolve();

/** Opens the storage. Without one, in some private windows, every visit is the first. */
export function openStorage(): Promise<void> {
  return (opening = open());
}

async function open(): Promise<void> {
  device.forgetful = false;
  if (isShared()) {
    return;
  }
  try {
    await place.goTo(await indexedDbStorage(DATABASE));
  } catch {
    device.forgetful = true;
  }
}

/** Removes all that this page keeps on the device. What is written from now on is in memory. */
async function forget(): Promise<void> {
  await opening;
  const before = await place.goTo(memoryStorage());
  await before.clear();
  forgetPreferences();
  await forgetPage();
}

/** Removes all that this page keeps on the device, on which it may keep something again afterwards. */
export async function forgetEverything(): Promise<void> {
  await forget();
  await openStorage();
}

/** Goes over to a device that others use, or back. */
export async function share(shared: boolean, found: (takeOver: () => void) => void): Promise<void> {
  putInAddress(SHARED, shared);
  if (shared) {
    await forget();
  } else {
    await openStorage();
    await keepPage(found);
  }
}

/**
 * Calls `empty` when a shared device was left: after a while without a touch, or at once with the page. Before the former it
 * calls `warn` with what keeps the screen as it is, and with null when somebody is there, or nothing is left to be seen.
 */
export function watchLeaving(empty: (idle: boolean) => void, warn: (stay: (() => void) | null) => void): void {
  let touched = Date.now();
  let warned = false;
  let timer: ReturnType<typeof setTimeout> | undefined;
  const tell = (soon: boolean) => {
    if (soon !== warned) {
      warned = soon;
      warn(soon ? touch : null);
    }
  };
  const leave = (idle: boolean) => {
    tell(false);
    empty(idle);
    void device.storage.clear();
  };
  const look = () => {
    clearTimeout(timer);
    if (!isShared()) {
      tell(false);
      return;
    }
    // By the clock: timers stand still while a phone sleeps.
    const left = touched + IDLE - Date.now();
    if (left <= 0) {
      touched = Date.now();
      leave(true);
    } else {
      tell(left <= WARNED);
      timer = setTimeout(look, left > WARNED ? left - WARNED : left);
    }
  };
  const touch = () => {
    touched = Date.now();
    look();
  };
  // A screen reader that reads on sends no keys; it moves the focus now and then.
  for (const event of ["pointerdown", "keydown", "input", "change", "scroll", "focusin"]) {
    addEventListener(event, touch, { passive: true, capture: true });
  }
  document.addEventListener("visibilitychange", look);
  // The browser may keep a page that was left, and show it again with "back".
  addEventListener("pagehide", () => isShared() && leave(false));
  touch();
}
