/** Words, dates and sizes in the language that is chosen. */
import { id } from "./text/id";
import type { Texts } from "./text/id";
import type { Language } from "./preferences";
import * as preferences from "./preferences";

let chosen: Language = "id";
let english: Texts | undefined;

export function language(): Language {
  return chosen;
}

/** Goes over to a language. English is fetched once somebody wants it; where it cannot be had, it stays Indonesian. */
export async function choose(language: Language): Promise<void> {
  try {
    english ??= language === "en" ? (await import("./text/en")).en : undefined;
    chosen = language;
  } catch {
    // Likewise.
  }
}

/** Goes over to the language of an earlier visit. */
export function chooseKept(): Promise<void> {
  return choose(preferences.language());
}

/** The words. */
export function t(): Texts {
  return chosen === "id" || english === undefined ? id : english;
}

/** Of a text in both languages, the one that is chosen. */
export function said(text: { id: string; en: string }): string {
  return text[chosen];
}

const locale = () => (chosen === "id" ? "id-ID" : "en-GB");

/** A day, as people write it: 22 November 2026. */
export function day(date: Date): string {
  return new Intl.DateTimeFormat(locale(), { day: "numeric", month: "long", year: "numeric" }).format(date);
}

/** The same for an Indonesian office, whatever the page speaks. */
export function inIndonesian(date: Date): string {
  return new Intl.DateTimeFormat("id-ID", { day: "numeric", month: "long", year: "numeric" }).format(date);
}

/** A day of which no moment is known, such as a birth date. */
export function calendarDay(year: number, month: number, dayOfMonth: number): string {
  const date = new Date(Date.UTC(year, month - 1, dayOfMonth));
  return new Intl.DateTimeFormat(locale(), { day: "numeric", month: "long", year: "numeric", timeZone: "UTC" }).format(date);
}

/** A moment, with the time of day where the reader is. */
export function moment(date: Date): string {
  const form = { day: "numeric", month: "long", year: "numeric", hour: "2-digit", minute: "2-digit", timeZoneName: "short" } as const;
  return new Intl.DateTimeFormat(locale(), form).format(date);
}

export function timeOfDay(date: Date): string {
  return new Intl.DateTimeFormat(locale(), { hour: "2-digit", minute: "2-digit", second: "2-digit" }).format(date);
}

export function number(n: number): string {
  return new Intl.NumberFormat(locale()).format(n);
}

export function bytes(n: number): string {
  const form = (value: number, digits: number) =>
    new Intl.NumberFormat(locale(), { maximumFractionDigits: digits }).format(value);
  if (n < 1000) {
    return `${form(n, 0)} B`;
  }
  return n < 1_000_000 ? `${form(n / 1000, n < 10_000 ? 1 : 0)} kB` : `${form(n / 1_000_000, 1)} MB`;
}

/** A duration, rounded up to what people wait for. */
export function duration(milliseconds: number): string {
  const seconds = Math.max(1, Math.ceil(milliseconds / 1000));
  if (seconds < 120) {
    return t().seconds(seconds);
  }
  return seconds < 7200 ? t().minutes(Math.ceil(seconds / 60)) : t().hours(Math.ceil(seconds / 3600));
}
