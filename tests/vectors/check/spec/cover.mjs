// docs/spec.md, "Cover traffic" and "Mirrors".

import { hmac } from '@noble/hashes/hmac.js';

import { I2OSP, ascii, bigEndian, concat, fromHex, hex, sha256 } from './conventions.mjs';

export const coin = (secret, generation, h) =>
  hmac(sha256, secret, concat(ascii('ceknik/1/cover'), I2OSP(generation, 4), h)).subarray(0, 8);

/** The locator for the filler at a place, from 0, beside the people with these `h`. */
export const fillerLocator = (secret, own, place) => {
  const ascending = own.map(hex).sort().map(fromHex);
  return hmac(sha256, secret, concat(ascii('ceknik/1/filler'), I2OSP(place, 1), ...ascending)).subarray(0, 16);
};

/** Mirrors in the order in which a device asks them. */
export const mirrorOrder = (secret, mirrors) => {
  const rank = (mirror) => hex(hmac(sha256, secret, concat(ascii('ceknik/1/mirror'), ascii(mirror))));
  return [...mirrors].sort((a, b) => (rank(a) < rank(b) ? -1 : 1));
};

export const confirms = (coin, percent) => bigEndian(coin) * 100n < BigInt(percent) << 64n;
