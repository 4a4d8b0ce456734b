/** What the page keeps by itself: language and theme. Everything else is public files, kept by the package `ceknik`. */

export type Language = "id" | "en";
export type Theme = "auto" | "light" | "dark";

/**
 * What the address says after its `#`, joined by `+`. It stays when the page is loaded again, and when somebody reads "How it
 * works" and comes back; and with the first of them the page can be bookmarked in a library or a village office.
 */
export const SHARED = "bersama";
export const NO_CONTACT = "tanpa-layanan";
export const FINGERPRINT = "sidik";

const inAddress = () => location.hash.slice(1).split("+").filter(Boolean);

export function addressSays(word: string): boolean {
  return inAddress().includes(word);
}

/** The end of an address that says what this one does, and a word more or less. */
export function addressWith(word: string, there = true): string {
  const words = [...inAddress().filter((one) => one !== word), ...(there ? [word] : [])];
  return words.length > 0 ? `#${words.join("+")}` : "";
}

/** Puts a word into the address, or takes it out, without a visit of its own in the browser's history. */
export function putInAddress(word: string, there: boolean): void {
  history.replaceState(null, "", location.pathname + location.search + addressWith(word, there));
}

/** Whether others use this device, too: then nothing is kept on it. */
export function isShared(): boolean {
  return addressSays(SHARED);
}

const LANGUAGE = "ceknik.language";
const THEME = "ceknik.theme";

function read(key: string): string | null {
  try {
    return localStorage.getItem(key);
  } catch {
    return null; // Storage is switched off: nothing is kept.
  }
}

function write(key: string, value: string | null): void {
  try {
    if (value === null) {
      localStorage.removeItem(key);
    } else {
      localStorage.setItem(key, value);
    }
  } catch {
    // Likewise.
  }
}

/** Indonesian, unless the person chose otherwise. */
export function language(): Language {
  return read(LANGUAGE) === "en" ? "en" : "id";
}

export function theme(): Theme {
  const kept = read(THEME);
  return kept === "light" || kept === "dark" ? kept : "auto";
}

/** Keeps a choice, unless others use this device too. */
export function keepLanguage(value: Language): void {
  if (!isShared()) {
    write(LANGUAGE, value === "id" ? null : value);
  }
}

export function keepTheme(value: Theme): void {
  if (!isShared()) {
    write(THEME, value === "auto" ? null : value);
  }
}

export function showTheme(value: Theme): void {
  if (value === "auto") {
    delete document.documentElement.dataset["theme"];
  } else {
    document.documentElement.dataset["theme"] = value;
  }
}

export function forgetPreferences(): void {
  write(LANGUAGE, null);
  write(THEME, null);
}
