// docs/spec.md, step 9.

import { ed25519 } from '@noble/curves/ed25519.js';

import {
  I2OSP, bigEndian, concat, equal, fromBase64, hex, leafHash, littleEndian, must, nodeHash, refuse, root, rootFromPath,
  sha256, sha512, utf8,
} from './conventions.mjs';

const [LOG, COSIGNATURE, ML_DSA] = [0x01, 0x04, 0x06];

export const isKeyName = (name) =>
  utf8(name).length >= 1 && utf8(name).length <= 255 && !/[\p{White_Space}+\p{Cc}\u202a-\u202e\u2066-\u2069]/u.test(name);

/** NAME+ID+KEY. */
export function parseKey(vkey) {
  const bad = 'policy_invalid';
  const found = /^([^+]*)\+([0-9a-f]{8})\+(.*)$/s.exec(vkey);
  must(found !== null, bad);
  const [, name, id, encoded] = found;
  must(isKeyName(name), bad);
  let typed;
  try {
    typed = fromBase64(encoded);
  } catch {
    refuse(bad);
  }
  must(typed.length > 0, bad);
  const [type, key] = [typed[0], typed.subarray(1)];
  if (type === LOG || type === COSIGNATURE) {
    must(key.length === 32 && soundEd25519(key), bad);
  } else if (type === ML_DSA) {
    must(key.length === 1312, bad);
  }
  if ([LOG, COSIGNATURE, ML_DSA].includes(type)) {
    must(hex(sha256(concat(utf8(name), I2OSP(0x0a, 1), typed)).subarray(0, 4)) === id, bad);
  }
  return { name, id, type, key, vkey };
}

function soundEd25519(key) {
  try {
    const point = ed25519.Point.fromBytes(key);
    return equal(point.toBytes(), key) && !point.isSmallOrder();
  } catch {
    return false;
  }
}

/** By the equation itself: the library's verification multiplies it by the cofactor. */
function verifies(key, message, signature) {
  if (signature.length !== 64) return false;
  const [R, S] = [signature.subarray(0, 32), littleEndian(signature.subarray(32))];
  const { BASE, Fn } = ed25519.Point;
  if (S >= Fn.ORDER) return false;
  const k = littleEndian(sha512(concat(R, key, message))) % Fn.ORDER;
  const point = BASE.multiplyUnsafe(S).subtract(ed25519.Point.fromBytes(key).multiplyUnsafe(k));
  return equal(point.toBytes(), R) && !point.isSmallOrder();
}

/** Octets in, so that lines can be counted; the policies here are all UTF-8. */
export function parsePolicy(text) {
  const policy = { logs: [], witnesses: [], quorum: undefined, names: new Map() };
  const [members, publicKeys, ids] = [new Set(), { log: new Set(), witness: new Set() }, new Set()];
  const lines = text.split('\n');
  const end = lines.pop();
  let at = 0;
  const bad = (holds) => {
    if (!holds) refuse('policy_invalid', at);
  };
  const readKey = (vkey, kind) => {
    let key;
    try {
      key = parseKey(vkey);
    } catch {
      bad(false);
    }
    bad(!publicKeys[kind].has(hex(key.key)) && !ids.has(`${key.name}+${key.id}`));
    publicKeys[kind].add(hex(key.key));
    ids.add(`${key.name}+${key.id}`);
    return key;
  };
  const define = (name, rule) => {
    bad(name !== 'none' && !policy.names.has(name));
    policy.names.set(name, rule);
  };
  const rule = (name) => {
    bad(name !== 'none' && policy.names.has(name));
    return policy.names.get(name);
  };
  for (const line of lines) {
    at++;
    bad(!/[\u0000-\u0008\u000b-\u001f\u007f]/.test(line));
    const [keyword, ...items] = line.split(/[ \t]+/).filter((item) => item !== '');
    if (keyword === undefined || keyword.startsWith('#')) continue;
    if (keyword === 'log') {
      bad(items.length === 1 || items.length === 2);
      policy.logs.push(readKey(items[0], 'log'));
    } else if (keyword === 'witness') {
      bad(items.length === 2 || items.length === 3);
      const key = readKey(items[1], 'witness');
      bad(![0x01, 0x02, 0x05].includes(key.type));
      const witness = { name: items[0], key };
      policy.witnesses.push(witness);
      define(items[0], (signed) => signed.has(witness));
    } else if (keyword === 'group') {
      const [name, threshold, ...of] = items;
      bad(of.length > 0);
      const wanted = { all: of.length, any: 1 }[threshold] ?? (/^[1-9][0-9]*$/.test(threshold) ? Number(threshold) : 0);
      bad(wanted >= 1 && wanted <= of.length);
      const rules = of.map((member) => {
        const found = rule(member);
        bad(!members.has(member));
        members.add(member);
        return found;
      });
      define(name, (signed) => rules.filter((met) => met(signed)).length >= wanted);
    } else if (keyword === 'quorum') {
      bad(items.length === 1 && policy.quorum === undefined);
      policy.quorum = items[0] === 'none' ? () => true : rule(items[0]);
    } else {
      bad(false);
    }
  }
  if (end !== '') {
    at++;
    bad(false);
  }
  at = Math.max(at, 1);
  bad(policy.quorum !== undefined && utf8(text).length <= 262144);
  return policy;
}

/** Form only. */
export function parseCheckpoint(note) {
  const badNote = 'note_malformed';
  must(utf8(note).length <= 131072 && !/[\u0000-\u0009\u000b-\u001f]/.test(note), badNote);
  const gap = note.lastIndexOf('\n\n');
  must(gap >= 0 && note.endsWith('\n'), badNote);
  const text = note.slice(0, gap + 1);
  const lines = note.slice(gap + 2).split('\n').slice(0, -1);
  must(lines.length >= 1 && lines.length <= 100, badNote);
  const signatures = lines.map((line) => {
    const found = /^— ([^ ]+) ([^ ]+)$/.exec(line);
    must(found !== null && isKeyName(found[1]), badNote);
    let bytes;
    try {
      bytes = fromBase64(found[2]);
    } catch {
      refuse(badNote);
    }
    must(bytes.length > 4, badNote);
    return { name: found[1], id: hex(bytes.subarray(0, 4)), signature: bytes.subarray(4) };
  });

  const bad = 'checkpoint_malformed';
  const [origin, size, encoded, ...extensions] = text.split('\n').slice(0, -1);
  must(encoded !== undefined && origin !== '' && extensions.every((line) => line !== ''), bad);
  must(utf8(origin).length <= 255, bad);
  must(/^(0|[1-9][0-9]*)$/.test(size) && BigInt(size) <= 1n << 62n, bad);
  let treeRoot;
  try {
    treeRoot = fromBase64(encoded);
  } catch {
    refuse(bad);
  }
  must(treeRoot.length === 32, bad);
  must(size !== '0' || equal(treeRoot, root([])), bad);
  return { text, origin, size: BigInt(size), root: treeRoot, signatures };
}

/** Who signed, by the policy; throws when that is not enough. */
export function checkPolicy(checkpoint, policy) {
  const { text, origin, signatures } = checkpoint;
  const logs = policy.logs.filter((key) => key.name === origin);
  must(logs.length > 0, 'log_unknown');
  must(logs.some((key) => key.type === LOG), 'log_key_unsupported');
  const message = utf8(text);
  const by = (key) => ({ name, id }) => key.name === name && key.id === id;
  let signed = false;
  for (const key of logs.filter((key) => key.type === LOG)) {
    for (const { signature } of signatures.filter(by(key))) {
      must(verifies(key.key, message, signature), 'log_signature_false');
      signed = true;
    }
  }
  must(signed, 'log_signature_missing');
  const times = new Map();
  for (const witness of policy.witnesses.filter(({ key }) => key.type === COSIGNATURE)) {
    for (const { signature } of signatures.filter(by(witness.key))) {
      must(signature.length === 72, 'cosignature_false');
      const time = bigEndian(signature.subarray(0, 8));
      const cosigned = concat(utf8(`cosignature/v1\ntime ${time}\n`), message);
      const right = time < 1n << 63n && verifies(witness.key.key, cosigned, signature.subarray(8));
      must(right, 'cosignature_false');
      if (!(times.get(witness) > time)) times.set(witness, time);
    }
  }
  must(policy.quorum(times), 'quorum_not_met');
  return times;
}

export function parseProof(proof) {
  const bad = 'proof_malformed';
  must(utf8(proof).length <= 196608, bad);
  const lines = proof.split('\n');
  // What follows the last line feed is no line; it belongs to the checkpoint, or there is too little.
  const line = () => {
    must(lines.length > 1, bad);
    return lines.shift();
  };
  const decoded = (text) => {
    try {
      return fromBase64(text);
    } catch {
      return refuse(bad);
    }
  };
  must(line() === 'c2sp.org/tlog-proof@v1', bad);
  let next = line();
  if (next.startsWith('extra ')) {
    must(decoded(next.slice(6)).length > 0, bad);
    next = line();
  }
  const index = /^index (0|[1-9][0-9]*)$/.exec(next);
  must(index !== null && BigInt(index[1]) < 1n << 64n, bad);
  const hashes = [];
  for (next = line(); next !== ''; next = line()) {
    must(hashes.length < 64, bad);
    hashes.push(decoded(next));
    must(hashes.at(-1).length === 32, bad);
  }
  return { index: BigInt(index[1]), hashes, checkpoint: parseCheckpoint(lines.join('\n')) };
}

/** Whether `leaf` is in the log. Trees here are small enough for numbers. */
export function checkProof({ index, hashes, checkpoint }, policy, leaf) {
  checkPolicy(checkpoint, policy);
  must(index < checkpoint.size, 'index_outside');
  const found = rootFromPath(leafHash(leaf), Number(index), Number(checkpoint.size), hashes);
  must(found !== null && equal(found, checkpoint.root), 'not_included');
}

// Tiles.

export function tilePath(level, index, size) {
  const hashes = BigInt(size) >> BigInt(8 * level);
  const width = hashes - 256n * BigInt(index) >= 256n ? 256n : hashes - 256n * BigInt(index);
  let digits = String(index);
  digits = digits.padStart(3 * Math.ceil(digits.length / 3), '0');
  const groups = digits.match(/.../g).map((group, i, all) => (i < all.length - 1 ? `x${group}` : group));
  return `tile/${level}/${groups.join('/')}${width < 256n ? `.p/${width}` : ''}`;
}

/** A tree as far as these tiles show it: path -> bytes. */
class Tiles {
  constructor(tiles, size) {
    this.tiles = tiles;
    this.size = size;
  }

  tile(level, index) {
    return this.tiles.get(tilePath(level, index, this.size));
  }

  /** Hash of the 2^level leaves from n × 2^level on. */
  subtree(level, n) {
    const tileLevel = Math.floor(level / 8);
    const within = level % 8;
    const first = n * 2 ** within;
    const tile = this.tile(tileLevel, Math.floor(first / 256));
    if (tile === undefined) {
      if (tileLevel === 0) refuse('log_tiles');
      // The hashes of a level are not at hand, but those of the level below are.
      return nodeHash(this.subtree(level - 1, 2 * n), this.subtree(level - 1, 2 * n + 1));
    }
    const hashes = Array.from({ length: 2 ** within }, (_, i) => tile.subarray(32 * (first % 256 + i), 32 * (first % 256 + i + 1)));
    must(hashes.every((hash) => hash.length === 32), 'log_tiles');
    return root(hashes);
  }

  /** Root at some size, from its largest complete subtrees. */
  root(size) {
    let [start, found] = [0, []];
    for (let level = 52; level >= 0; level--) {
      if (Math.floor(size / 2 ** level) % 2 === 1) {
        found.push(this.subtree(level, start / 2 ** level));
        start += 2 ** level;
      }
    }
    return found.length === 0 ? root([]) : found.reduceRight((right, left) => nodeHash(left, right));
  }
}

/** Whether the newer checkpoint extends the older one; both have satisfied the policy. */
export function checkConsistency(old, now, tiles) {
  must(now.size >= old.size, 'log_rolled_back');
  if (now.size === old.size) {
    must(equal(old.root, now.root), 'log_forked');
    return;
  }
  if (old.size === 0n) return;
  const [size, oldSize] = [Number(now.size), Number(old.size)];
  const tree = new Tiles(tiles, size);
  must(equal(tree.root(size), now.root), 'log_tiles');
  // Full tiles are named by the level above them.
  for (let level = 0; 256 ** (level + 1) <= size; level++) {
    for (let index = 0; 256 ** (level + 1) * (index + 1) <= size; index++) {
      const tile = tree.tile(level, index);
      if (tile === undefined) continue;
      must(tile.length === 8192, 'log_tiles');
      const hashes = Array.from({ length: 256 }, (_, i) => tile.subarray(32 * i, 32 * i + 32));
      must(equal(root(hashes), tree.subtree(8 * (level + 1), index)), 'log_tiles');
    }
  }
  must(equal(tree.root(oldSize), old.root), 'log_rewritten');
}
