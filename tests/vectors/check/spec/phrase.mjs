// docs/spec.md, "Comparing checkpoints".

import { argon2id } from 'hash-wasm';

import { utf8 } from './conventions.mjs';

/** Of a log's name, the size in decimal, and the root. */
export async function phrase(origin, size, root) {
  const out = await argon2id({
    password: utf8(`${origin}\n${size}\n${Buffer.from(root).toString('base64')}\n`),
    salt: utf8('ceknik/1/checkpoint-phrase'),
    parallelism: 1,
    iterations: 2,
    memorySize: 19456,
    hashLength: 30,
    outputType: 'binary',
  });
  const group = (at) => Number(BigInt(`0x${Buffer.from(out.subarray(5 * at, 5 * at + 5)).toString('hex')}`) % 100000n);
  return [0, 1, 2, 3, 4, 5].map((at) => String(group(at)).padStart(5, '0')).join(' ');
}
