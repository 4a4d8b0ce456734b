// docs/spec.md, "Cover traffic".

import { hmac } from '@noble/hashes/hmac.js';

import { I2OSP, ascii, bigEndian, concat, sha256 } from './conventions.mjs';

export const coin = (secret, generation, h) =>
  hmac(sha256, secret, concat(ascii('ceknik/1/cover'), I2OSP(generation, 4), h)).subarray(0, 8);

export const confirms = (coin, percent) => bigEndian(coin) * 100n < BigInt(percent) << 64n;
