// docs/spec.md, step 1.

import { daysIn, utf8 } from './conventions.mjs';

const STRIPPED = /^[\p{White_Space}\u200b-\u200d\u2060\ufeff.\-\u2010-\u2013]$/u;
const DIGIT = /^\p{Nd}$/u;

/** The value of a decimal digit: digits stand in runs of ten from their zero on, which nothing but digits precedes. */
function value(char) {
  const point = char.codePointAt(0);
  let run = 0;
  while (DIGIT.test(String.fromCodePoint(point - run - 1))) run++;
  return run % 10;
}

/** The 16 digits, or the reason why not: a kind of error. */
export function nik(input) {
  if (utf8(input).length > 256) return { error: 'too_long' };
  let digits = '';
  for (const char of input) {
    if (STRIPPED.test(char)) continue;
    if (!DIGIT.test(char)) return { error: 'character' };
    digits += value(char);
  }
  if (digits.length === 16) return { digits };
  return { error: digits.length === 0 ? 'empty' : 'length' };
}

/** The codes of ranges like 110101-110118. */
export function districts(ranges) {
  const codes = new Set();
  for (const range of ranges) {
    const [first, last] = range.split('-').map(Number);
    for (let code = first; code <= last; code++) codes.add(String(code).padStart(6, '0'));
  }
  return codes;
}

/** `current` holds the district codes of today. */
export function warnings(digits, current) {
  const number = (from, count) => Number(digits.slice(from, from + count));
  const [day, month, year] = [number(6, 2), number(8, 2), number(10, 2)];
  const born = day > 40 ? day - 40 : day;
  const date = [1900, 2000].some((century) => born >= 1 && born <= daysIn(month, century + year));
  const found = [];
  if (!date) found.push('warn_date');
  if (!digits.startsWith('99') && !current.has(digits.slice(0, 6))) found.push('warn_region');
  if (number(12, 4) === 0) found.push('warn_serial');
  if (/^(.)\1*$/.test(digits)) found.push('warn_repeated');
  return found;
}
