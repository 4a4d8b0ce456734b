// docs/spec.md, step 7.

import { I2OSP, bigEndian, compare, concat, equal, leafHash, must, path, root, rootFromPath } from './conventions.mjs';
import { bucketOf } from './record.mjs';

export function checkGeometry({ bits, payload_bytes, response_bytes }) {
  must(bits >= 0 && bits <= 24, 'bucket_geometry');
  must(payload_bytes >= 32 && payload_bytes <= 4096, 'bucket_geometry');
  must(response_bytes >= 5 + 32 * bits && response_bytes <= 16777216, 'bucket_geometry');
}

/** Root and responses of a table: lists of entries, by bucket. */
export function table({ bits, response_bytes }, buckets) {
  const leaves = buckets.map((entries) => leafHash(concat(...entries)));
  const responses = buckets.map((entries, index) => {
    const all = concat(...entries);
    const front = concat(I2OSP(bits, 1), ...path(leaves, index), I2OSP(all.length, 4), all);
    return concat(front, new Uint8Array(response_bytes - front.length));
  });
  return { root: root(leaves), responses };
}

/** The entries of a response that is right. */
export function open({ bits, payload_bytes, response_bytes }, tableRoot, index, response) {
  must(index < 2 ** bits, 'bucket_index');
  must(response.length === response_bytes, 'bucket_length');
  must(response[0] === bits, 'bucket_hashes');
  const hashes = Array.from({ length: bits }, (_, i) => response.subarray(1 + 32 * i, 33 + 32 * i));
  const at = 5 + 32 * bits;
  const length = Number(bigEndian(response.subarray(at - 4, at)));
  const size = 16 + payload_bytes + 16;
  must(length % size === 0 && at + length <= response.length, 'bucket_entries');
  must(response.subarray(at + length).every((byte) => byte === 0), 'bucket_padding');
  const all = response.subarray(at, at + length);
  const found = rootFromPath(leafHash(all), index, 2 ** bits, hashes);
  must(found !== null && equal(found, tableRoot), 'bucket_root');
  const entries = [];
  for (let from = 0; from < length; from += size) {
    const entry = { locator: all.subarray(from, from + 16), sealed: all.subarray(from + 16, from + size) };
    const before = entries.at(-1);
    must(before === undefined || compare(before.locator, entry.locator) < 0, 'bucket_order');
    must(bucketOf(entry.locator, bits) === index, 'bucket_order');
    entries.push(entry);
  }
  return entries;
}
