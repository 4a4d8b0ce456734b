// docs/spec.md, step 3, and "The noise sequence".

import { chacha20 } from '@noble/ciphers/chacha.js';

import {
  HKDF, I2OSP, ascii, concat, equal, leafHash, littleEndian, lp, must, root, sha256, topBits,
} from './conventions.mjs';

const MASK = (1n << 64n) - 1n;
const HEADER = 45;
const rotl = (x, n) => ((x << n) | (x >> (64n - n))) & MASK;

/** SipHash with 1 and 3 rounds, of any bytes. */
export function sipHash13(key, bytes) {
  const [k0, k1] = [littleEndian(key.subarray(0, 8)), littleEndian(key.subarray(8, 16))];
  let v0 = k0 ^ 0x736f6d6570736575n;
  let v1 = k1 ^ 0x646f72616e646f6dn;
  let v2 = k0 ^ 0x6c7967656e657261n;
  let v3 = k1 ^ 0x7465646279746573n;
  const round = () => {
    v0 = (v0 + v1) & MASK;
    v1 = rotl(v1, 13n) ^ v0;
    v0 = rotl(v0, 32n);
    v2 = (v2 + v3) & MASK;
    v3 = rotl(v3, 16n) ^ v2;
    v0 = (v0 + v3) & MASK;
    v3 = rotl(v3, 21n) ^ v0;
    v2 = (v2 + v1) & MASK;
    v1 = rotl(v1, 17n) ^ v2;
    v2 = rotl(v2, 32n);
  };
  const whole = bytes.length - (bytes.length % 8);
  const last = new Uint8Array(8);
  last.set(bytes.subarray(whole));
  last[7] = bytes.length & 255;
  for (let at = 0; at <= whole; at += 8) {
    const word = littleEndian(at < whole ? bytes.subarray(at, at + 8) : last);
    v3 ^= word;
    round();
    v0 ^= word;
  }
  v2 ^= 0xffn;
  for (let i = 0; i < 3; i++) round();
  return v0 ^ v1 ^ v2 ^ v3;
}

/** shard_bits, bytes (of a shard's file), seed. */
export function checkGeometry({ shard_bits, bytes, seed }) {
  must(shard_bits >= 0 && shard_bits <= 8, 'filter_shard_bits');
  must(bytes > HEADER && bytes <= 67108864, 'filter_shard_bytes');
  must(!equal(seed.subarray(0, 16), seed.subarray(16)), 'filter_seed');
}

export const shardCells = ({ bytes }) => 8n * BigInt(bytes - HEADER);
export const cells = (geometry) => shardCells(geometry) << BigInt(geometry.shard_bits);

/** The shard, the cell within it, and the cell's number in the whole filter. */
export function place(geometry, f) {
  const shard = topBits(f, geometry.shard_bits);
  const within = sipHash13(geometry.seed.subarray(0, 16), f.subarray(8)) % shardCells(geometry);
  return { shard, within, cell: BigInt(shard) * shardCells(geometry) + within };
}

const reversed = (bytes) => Uint8Array.from(bytes).reverse();

export const header = ({ bytes, seed }) =>
  concat(I2OSP(1, 1), reversed(I2OSP(bytes - HEADER, 8)), reversed(I2OSP(1, 4)), seed);

export function fileRoot(file) {
  const blocks = [];
  for (let at = 0; at < file.length; at += 1024) blocks.push(leafHash(file.subarray(at, at + 1024)));
  return root(blocks);
}

/** Checks a file against the manifest's words. */
export function checkFile(geometry, digest, file) {
  must(file.length === geometry.bytes, 'filter_length');
  must(equal(file.subarray(0, HEADER), header(geometry)), 'filter_header');
  must(equal(sha256(file), digest.sha256), 'filter_digest');
  must(equal(fileRoot(file), digest.root), 'filter_root');
}

export const isSet = (file, within) => ((file[HEADER + Number(within >> 3n)] >> Number(within & 7n)) & 1) === 1;

/** The files of a filter with these cells set. */
export function build(geometry, numbers) {
  const files = Array.from({ length: 2 ** geometry.shard_bits }, () =>
    concat(header(geometry), new Uint8Array(geometry.bytes - HEADER)),
  );
  for (const number of numbers) {
    const [shard, within] = [number / shardCells(geometry), number % shardCells(geometry)];
    files[Number(shard)][HEADER + Number(within >> 3n)] |= 1 << Number(within & 7n);
  }
  return files;
}

export const noiseInfo = (dataset, generation, seed) =>
  concat(ascii('ceknik/1/noise'), lp(ascii(dataset)), I2OSP(generation, 4), seed);

/** The sequence of cells, each once. */
export function* noise(storeKey, dataset, generation, geometry) {
  const key = HKDF(storeKey, noiseInfo(dataset, generation, geometry.seed), 32);
  const all = cells(geometry);
  const bound = (1n << 64n) - ((1n << 64n) % all);
  const given = new Set();
  const CHUNK = 4096;
  for (let counter = 0; BigInt(given.size) < all; counter += CHUNK / 64) {
    const stream = chacha20(key, new Uint8Array(12), new Uint8Array(CHUNK), undefined, counter);
    for (let at = 0; at < CHUNK; at += 8) {
      const word = littleEndian(stream.subarray(at, at + 8));
      const cell = word % all;
      if (word >= bound || given.has(cell)) continue;
      given.add(cell);
      yield cell;
    }
  }
}
