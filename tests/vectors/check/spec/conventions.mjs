// docs/spec.md, "Conventions".

import { sha256, sha512 } from '@noble/hashes/sha2.js';
import { expand, extract } from '@noble/hashes/hkdf.js';

/** A rule was broken: `code` is the name that the specification gives it, `field` what it is about. */
export class Refused extends Error {
  constructor(code, field = null) {
    super(field === null ? code : `${code} (${field})`);
    this.code = code;
    this.field = field;
  }
}

export function refuse(code, field) {
  throw new Refused(code, field);
}

export function must(holds, code, field) {
  if (!holds) refuse(code, field);
}

export const ascii = (text) => Uint8Array.from(text, (char) => char.charCodeAt(0));
export const utf8 = (text) => new TextEncoder().encode(text);
/** Strict: no byte order mark is swallowed, no malformed sequence replaced. */
export const fromUtf8 = (bytes) => new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);

export function concat(...parts) {
  const out = new Uint8Array(parts.reduce((length, part) => length + part.length, 0));
  let at = 0;
  for (const part of parts) {
    out.set(part, at);
    at += part.length;
  }
  return out;
}

export const equal = (a, b) => a.length === b.length && a.every((byte, i) => byte === b[i]);

export function compare(a, b) {
  for (let i = 0; i < Math.min(a.length, b.length); i++) if (a[i] !== b[i]) return a[i] - b[i];
  return a.length - b.length;
}

export function I2OSP(n, width) {
  let rest = BigInt(n);
  const out = new Uint8Array(width);
  for (let i = width - 1; i >= 0; i--) {
    out[i] = Number(rest & 255n);
    rest >>= 8n;
  }
  if (rest !== 0n) throw new RangeError('does not fit');
  return out;
}

export const lp = (x) => concat(I2OSP(x.length, 2), x);
export const bigEndian = (bytes) => bytes.reduce((n, byte) => (n << 8n) | BigInt(byte), 0n);
export const littleEndian = (bytes) => bigEndian(Uint8Array.from(bytes).reverse());
/** The top bits of some bytes, as a number; 0 for no bits. */
export const topBits = (bytes, bits) => Number(bigEndian(bytes.subarray(0, 8)) >> BigInt(64 - bits));

export const hex = (bytes) => Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join('');

export function fromHex(text) {
  if (!/^([0-9a-f]{2})*$/.test(text)) throw new Refused('hex');
  return Uint8Array.from(text.match(/../g) ?? [], (pair) => parseInt(pair, 16));
}

const STANDARD = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/';
const URL_SAFE = STANDARD.replace('+/', '-_');

function encode64(bytes, alphabet) {
  let out = '';
  for (let i = 0; i < bytes.length; i += 3) {
    const n = (bytes[i] << 16) | ((bytes[i + 1] ?? 0) << 8) | (bytes[i + 2] ?? 0);
    for (let j = 0; j < Math.min(4, bytes.length - i + 1); j++) out += alphabet[(n >> (18 - 6 * j)) & 63];
  }
  return out;
}

function decode64(text, alphabet) {
  const out = [];
  let [n, bits] = [0, 0];
  for (const char of text) {
    const value = alphabet.indexOf(char);
    must(value >= 0, 'base64');
    n = ((n << 6) | value) & 0xfff;
    bits += 6;
    if (bits >= 8) {
      bits -= 8;
      out.push((n >> bits) & 255);
    }
  }
  const bytes = Uint8Array.from(out);
  // Bits left over that are not zero, or a character that adds no byte: another spelling of the same.
  must(encode64(bytes, alphabet) === text, 'base64');
  return bytes;
}

export const base64url = (bytes) => encode64(bytes, URL_SAFE);
export const base64 = (bytes) => encode64(bytes, STANDARD).padEnd(4 * Math.ceil(bytes.length / 3), '=');

/** Bytes of a length, or of any. */
export function fromBase64url(text, length) {
  const bytes = decode64(text, URL_SAFE);
  must(length === undefined || bytes.length === length, 'base64');
  return bytes;
}

export function fromBase64(text) {
  const bytes = decode64(text.replace(/={0,2}$/, ''), STANDARD);
  must(base64(bytes) === text, 'base64');
  return bytes;
}

export const HKDF = (k, info, n) => expand(sha512, extract(sha512, k, new Uint8Array(0)), info, n);

const DAYS = [31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31];
const leap = (year) => year % 4 === 0 && (year % 100 !== 0 || year % 400 === 0);
export const daysIn = (month, year) => (month === 2 && leap(year) ? 29 : (DAYS[month - 1] ?? 0));

export function isDay(text) {
  if (!/^[0-9]{4}-[0-9]{2}-[0-9]{2}$/.test(text)) return false;
  const [year, month, day] = text.split('-').map(Number);
  return day >= 1 && day <= daysIn(month, year);
}

/** Seconds since 1970. */
export function time(text) {
  must(/^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}Z$/.test(text) && isDay(text.slice(0, 10)), 'time');
  const [year, month, day] = text.slice(0, 10).split('-').map(Number);
  const [hour, minute, second] = text.slice(11, 19).split(':').map(Number);
  must(year >= 1970 && hour < 24 && minute < 60 && second < 60, 'time');
  return Date.UTC(year, month - 1, day, hour, minute, second) / 1000;
}

export const isId = (text) => /^[a-z0-9][a-z0-9-]{0,62}$/.test(text);

// Trees.

export const leafHash = (leaf) => sha256(concat(I2OSP(0, 1), leaf));
export const nodeHash = (left, right) => sha256(concat(I2OSP(1, 1), left, right));

function split(n) {
  let k = 1;
  while (2 * k < n) k *= 2;
  return k;
}

/** Of leaf hashes: RFC 6962, section 2.1. */
export function root(leaves) {
  if (leaves.length === 0) return sha256(new Uint8Array(0));
  if (leaves.length === 1) return leaves[0];
  const k = split(leaves.length);
  return nodeHash(root(leaves.slice(0, k)), root(leaves.slice(k)));
}

/** RFC 6962, section 2.1.1. */
export function path(leaves, index) {
  if (leaves.length <= 1) return [];
  const k = split(leaves.length);
  return index < k
    ? [...path(leaves.slice(0, k), index), root(leaves.slice(k))]
    : [...path(leaves.slice(k), index - k), root(leaves.slice(0, k))];
}

/** The root that leaf and path give, by the recursion of the definition; null when the path is not as long as it must be. */
export function rootFromPath(leaf, index, size, hashes) {
  if (index >= size) return null;
  if (size === 1) return hashes.length === 0 ? leaf : null;
  if (hashes.length === 0) return null;
  const k = split(size);
  const [rest, sibling] = [hashes.slice(0, -1), hashes[hashes.length - 1]];
  const inner = index < k ? rootFromPath(leaf, index, k, rest) : rootFromPath(leaf, index - k, size - k, rest);
  if (inner === null) return null;
  return index < k ? nodeHash(inner, sibling) : nodeHash(sibling, inner);
}

export { sha256, sha512 };
