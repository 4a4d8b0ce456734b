/** What the page keeps by itself: language and theme. Everything else is public files, kept by the package `ceknik`. */

export type Language = "id" | "en";
export type Theme = "auto" | "light" | "dark";

/** An address that ends so opens the page for a device that others use: for a bookmark of a library or a village office. */
export const SHARED = "#bersama";

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
export function keepLanguage(value: Language, shared: boolean): void {
  if (!shared) {
    write(LANGUAGE, value === "id" ? null : value);
  }
}

export function keepTheme(value: Theme, shared: boolean): void {
  if (!shared) {
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
