// docs/spec.md, steps 5 and 6.

import { gcmsiv } from '@noble/ciphers/aes.js';

import { HKDF, ascii, compare, fromUtf8, isDay, isId, must, refuse, topBits } from './conventions.mjs';
import * as json from './json.mjs';

export const locator = (y) => HKDF(y, ascii('ceknik/1/locator'), 16);
export const sealKey = (y) => HKDF(y, ascii('ceknik/1/seal'), 32);
export const bucketOf = (locator, bits) => topBits(locator, bits);

const cipher = (key, dataset) => gcmsiv(key, new Uint8Array(12), ascii(dataset));

/** The one spelling of a record. */
const spelling = ({ supports }) =>
  `{"supports":[${supports
    .map(({ candidate, status, submitted }) => {
      const day = submitted === null ? 'null' : `"${submitted}"`;
      return `{"candidate":"${candidate}","status":"${status}","submitted":${day}}`;
    })
    .join(',')}]}`;

export function payload(record, payloadBytes) {
  const text = spelling(record);
  must(text.length <= payloadBytes, 'record_too_long');
  return text.padEnd(payloadBytes, ' ');
}

export const seal = (key, dataset, record, payloadBytes) =>
  cipher(key, dataset).encrypt(ascii(payload(record, payloadBytes)));

const MALFORMED = 'record_malformed';
const support = json.object({ candidate: json.text, status: json.text, submitted: json.nullable(json.text) });

export function open(key, dataset, sealed) {
  let plain;
  try {
    plain = cipher(key, dataset).decrypt(sealed);
  } catch {
    refuse('record_sealed');
  }
  let text;
  try {
    text = fromUtf8(plain);
  } catch {
    refuse(MALFORMED);
  }
  const record = json.exactly(json.parse(text.replace(/ *$/, ''), MALFORMED), { supports: json.list(support) }, MALFORMED);
  const { supports } = record;
  must(supports.length >= 1 && supports.length <= 8, MALFORMED);
  for (const [i, { candidate, status, submitted }] of supports.entries()) {
    must(isId(candidate) && isId(status) && (submitted === null || isDay(submitted)), MALFORMED);
    must(i === 0 || compare(ascii(supports[i - 1].candidate), ascii(candidate)) < 0, MALFORMED);
  }
  must(spelling(record).padEnd(text.length, ' ') === text, MALFORMED);
  return record;
}
