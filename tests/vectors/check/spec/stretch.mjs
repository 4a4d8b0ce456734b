// docs/spec.md, step 2, and what steps 3 and 4 derive from it.

import { argon2id } from 'hash-wasm';

import { HKDF, ascii, must } from './conventions.mjs';

export const stretch = (nik, salt, memory_kib, passes) =>
  argon2id({
    password: nik,
    salt,
    parallelism: 1,
    iterations: passes,
    memorySize: memory_kib,
    hashLength: 32,
    outputType: 'binary',
  });

export function checkCost({ memory_kib, passes, weak }) {
  must(memory_kib >= 8 && memory_kib <= 262144 && passes >= 1 && passes <= 16, 'stretch_cost');
  must(weak || (memory_kib >= 19456 && memory_kib * passes >= 38912), 'stretch_cost');
}

export const filterItem = (h) => HKDF(h, ascii('ceknik/1/filter'), 24);
export const oprfInput = (h) => HKDF(h, ascii('ceknik/1/oprf'), 32);
