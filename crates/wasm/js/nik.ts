import { describeNik as describe } from "./raw.js";
import { mustBeLoaded } from "./load.js";

/** A fixed code, and the same as an English clause. */
export interface Said<Code extends string = string> {
  code: Code;
  text: string;
}

/** What a text says as a NIK. It holds the NIK: for the field that it was typed into, and nothing else. */
export interface NikDescription {
  /** The digits that are there, of whatever script, as ASCII: to be shown in groups while they are typed. */
  digits: string;
  /** How many digits are missing; below 0, how many are too many. */
  missing: number;
  /** Why it is no NIK; null when it is one. */
  error: Said<"too_long" | "character" | "empty" | "length"> | null;
  /** Where the first character stands that is none of a NIK's, from 1; null when there is none. */
  position: number | null;
  /** What it says; null when it is no NIK. */
  facts: NikFacts | null;
  /** What is odd about it, which refuses nothing: such NIKs exist and are never reissued. */
  warnings: Said<"warn_date" | "warn_region" | "warn_serial" | "warn_repeated">[];
}

/** What a NIK says of its owner. */
export interface NikFacts {
  /** Code of the district of first registration, 6 digits. */
  district: string;
  /** Whether that is a district of today, a former one, unknown, or a mission abroad. */
  districtStanding: "current" | "former" | "unknown" | "abroad";
  sex: "female" | "male" | null;
  /** The day in it, of the one or two years that may be meant; null when there is no such day. */
  birthDate: { day: number; month: number; years: number[] } | null;
  /** The last 4 digits. */
  serial: string;
}

/** Reads a text as a NIK, while it is typed. Wants `load` to be done. */
export function describeNik(text: string): NikDescription {
  mustBeLoaded();
  return JSON.parse(describe(text)) as NikDescription;
}
