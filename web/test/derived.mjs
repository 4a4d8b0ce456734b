// What a NIK becomes on the way to its record, recomputed from docs/spec.md on libraries that the project does not use: what
// nobody may find in a request.
import { readFile } from "node:fs/promises";
import { fromBase64url } from "../../tests/vectors/check/spec/conventions.mjs";
import { blind, finalize, hashToGroup, scalar } from "../../tests/vectors/check/spec/evaluation.mjs";
import { bucketOf, locator, sealKey } from "../../tests/vectors/check/spec/record.mjs";
import { filterItem, oprfInput, stretch } from "../../tests/vectors/check/spec/stretch.mjs";

/** `key` is the file of the list's evaluation key, with which alone there is a locator. */
export async function derived(nik, manifest, key) {
  const { salt, memory_kib, passes } = manifest.stretch;
  const h = await stretch(nik, fromBase64url(salt, 32), memory_kib, passes);
  const x = oprfInput(h);
  const k = scalar(fromBase64url((await readFile(key, "utf8")).trim().split(":")[1], 32));
  const evaluated = blind(x, k);
  const y = finalize(x, 1n, evaluated);
  return {
    bucket: bucketOf(locator(y), manifest.buckets.bits),
    secrets: [h, filterItem(h), x, hashToGroup(x).toBytes(), evaluated, y, locator(y), sealKey(y)],
  };
}
