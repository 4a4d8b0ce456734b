// docs/spec.md, step 4, and the response of "Evaluate".

import { ristretto255, ristretto255_hasher } from '@noble/curves/ed25519.js';

import { I2OSP, ascii, concat, equal, fromBase64url, littleEndian, lp, must, refuse, sha512 } from './conventions.mjs';
import * as json from './json.mjs';

const { Point } = ristretto255;
const { Fn } = Point;
const G = Point.BASE;
const contextString = concat(ascii('OPRFV1-'), I2OSP(1, 1), ascii('-ristretto255-SHA512'));

const hashToScalar = (message) =>
  ristretto255_hasher.hashToScalar(message, { DST: concat(ascii('HashToScalar-'), contextString) });
export const hashToGroup = (input) =>
  ristretto255_hasher.hashToCurve(input, { DST: concat(ascii('HashToGroup-'), contextString) });

export function element(bytes) {
  let point;
  try {
    point = Point.fromBytes(bytes);
  } catch {
    refuse('element_not_canonical');
  }
  must(equal(point.toBytes(), bytes), 'element_not_canonical');
  must(!point.equals(Point.ZERO), 'element_identity');
  return point;
}

function canonical(bytes, code) {
  const scalar = littleEndian(bytes);
  must(bytes.length === 32 && scalar < Fn.ORDER, code);
  return scalar;
}

/** A secret key or a blind. */
export function scalar(bytes) {
  const s = canonical(bytes, 'scalar_not_canonical');
  must(s !== 0n, 'scalar_zero');
  return s;
}

/** Any point times any scalar; the library refuses 0. */
const times = (point, s) => (s === 0n ? Point.ZERO : point.multiply(s));

export const blind = (x, r) => times(hashToGroup(x), r).toBytes();
export const publicKey = (k) => times(G, k).toBytes();

export function compositeSeed(B, C, D) {
  const t = concat(lp(B), lp(concat(ascii('Seed-'), contextString)));
  if (C.length === 1) return sha512(t);
  return sha512(concat(t, I2OSP(C.length, 2), ...C.flatMap((c, i) => [c, D[i]])));
}

/** dᵢ, from encodings. */
function weights(B, C, D) {
  const seed = compositeSeed(B, C, D);
  return C.map((c, i) => hashToScalar(concat(lp(seed), I2OSP(i, 2), lp(c), lp(D[i]), ascii('Composite'))));
}

const sum = (d, points) => d.reduce((total, weight, i) => total.add(times(points[i], weight)), Point.ZERO);

const challenge = (B, ...points) =>
  hashToScalar(concat(lp(B), ...points.map((point) => lp(point.toBytes())), ascii('Challenge')));

/** A proof with a given nonce: c || s. */
export function prove(k, C, nonce) {
  const B = publicKey(k);
  const points = C.map(element);
  const D = points.map((point) => times(point, k).toBytes());
  const d = weights(B, C, D);
  const M = sum(d, points);
  const Z = times(M, k);
  const c = challenge(B, M, Z, times(G, nonce), times(M, nonce));
  const s = Fn.sub(nonce, Fn.mul(c, k));
  return { D, proof: concat(Fn.toBytes(c), Fn.toBytes(s)) };
}

/** Everything from encodings. */
export function verify(B, C, D, proof) {
  const key = element(B);
  const [blinded, evaluated] = [C.map(element), D.map(element)];
  const c = canonical(proof.subarray(0, 32), 'proof_not_canonical');
  const s = canonical(proof.subarray(32), 'proof_not_canonical');
  must(C.length >= 1 && C.length <= 64 && C.length === D.length, 'batch_size');
  const d = weights(B, C, D);
  const [M, Z] = [sum(d, blinded), sum(d, evaluated)];
  const t2 = times(G, s).add(times(key, c));
  const t3 = times(M, s).add(times(Z, c));
  must(challenge(B, M, Z, t2, t3) === c, 'proof_invalid');
}

export function finalize(x, r, D) {
  const unblinded = times(element(D), Fn.inv(r)).toBytes();
  return sha512(concat(lp(x), lp(unblinded), ascii('Finalize')));
}

/** Checks a response; gives the place of the caller's first element, and the batch. */
export function response(body, B, sent, alone) {
  const bytes = (length) => (value, code) => {
    try {
      return fromBase64url(json.text(value, code), length);
    } catch {
      return refuse(code);
    }
  };
  const code = 'evaluation_invalid';
  const pair = json.object({ blinded: bytes(32), evaluated: bytes(32) });
  const readers = { batch: json.list(pair), first: json.whole(53), proof: bytes(64) };
  const { batch, first, proof } = json.exactly(json.parse(body, code), readers, code);
  must(batch.length >= 1 && batch.length <= 64, code);
  const [C, D] = [batch.map((pair) => pair.blinded), batch.map((pair) => pair.evaluated)];
  const start = Number(first);
  must(start <= 63, code);
  for (const encoded of [...C, ...D]) {
    try {
      element(encoded);
    } catch {
      refuse(code);
    }
  }
  must(start + sent.length <= batch.length, 'evaluation_foreign');
  must(!alone || (start === 0 && batch.length === sent.length), 'evaluation_foreign');
  must(sent.every((c, i) => equal(c, C[start + i])), 'evaluation_foreign');
  verify(B, C, D, proof);
  return { first: start, C, D };
}
