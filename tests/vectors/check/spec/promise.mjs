// docs/spec.md, "Deniability". All in whole numbers: BigInt in, BigInt out.

import { must } from './conventions.mjs';

const ceil = (n, d) => (n + d - 1n) / d;
const max = (a, b) => (a > b ? a : b);

export function checkBase(members, population, percent) {
  must(members * 100n < population * percent, 'base_rate');
}

export function firstNoise(members, population, percent, cells) {
  checkBase(members, population, percent);
  return max(64n, ceil(cells * members * (100n - percent), percent * (population - members)));
}

export function addedNoise(before, after, population, percent, cells) {
  checkBase(before, population, percent);
  checkBase(after, population, percent);
  if (after === before) return 0n;
  const numerator = cells * (100n - percent) * population * (after - before);
  return max(64n, ceil(numerator, percent * (population - before) * (population - after)));
}

/** A quotient to three significant digits, half up. */
export function threeDigits(numerator, denominator) {
  let [n, d, exponent] = [numerator, denominator, 0];
  while (n >= 1000n * d) [d, exponent] = [10n * d, exponent + 1];
  while (n < 100n * d) [n, exponent] = [10n * n, exponent - 1];
  return Number(`${(2n * n + d) / (2n * d)}e${exponent}`);
}

export const oddsFactor = (cells, noise) => threeDigits(cells, noise);
export const epochOddsFactor = (cells, before, added) => (added === 0n ? null : threeDigits(cells - before, added));
export const peoplePerBucket = (population, bits, shardBits) => population >> BigInt(bits + shardBits);

/** P / 2^b >= K + 5 √K, squared so that no root is taken. */
export function bucketsAllowed(population, bits, shardBits, floor) {
  const together = BigInt(bits + shardBits);
  if (together === 0n) return true;
  const above = population - (floor << together);
  return above >= 0n && above * above >= (25n * floor) << (2n * together);
}
