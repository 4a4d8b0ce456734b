// docs/spec.md, "Evidence".

import {
  Refused, base64url, compare, concat, equal, fromBase64url, fromUtf8, hex, leafHash, must, refuse, rootFromPath, sha256, utf8,
} from './conventions.mjs';
import * as bucket from './bucket.mjs';
import * as evaluation from './evaluation.mjs';
import * as filter from './filter.mjs';
import * as log from './log.mjs';
import * as manifest from './manifest.mjs';
import * as record from './record.mjs';
import { filterItem, oprfInput, stretch } from './stretch.mjs';

const BLOCK = 1024;

/** What `run` refuses is refused as the check `name`, or as what `names` says of its reason. */
async function check(name, run, names = {}) {
  try {
    return await run();
  } catch (error) {
    if (!(error instanceof Refused)) throw error;
    return refuse(names[error.code] ?? name);
  }
}

/** The members, decoded; the one spelling of a file makes a careful JSON reader unnecessary. */
function parse(text) {
  const bad = (holds) => must(holds, 'evidence_form');
  bad(utf8(text).length <= 25165824);
  let json;
  try {
    json = JSON.parse(text);
  } catch {
    refuse('evidence_form');
  }
  const isObject = (value) => typeof value === 'object' && value !== null && !Array.isArray(value);
  const names = (value, wanted) => bad(isObject(value) && Object.keys(value).join() === wanted);
  const bytes = (value, length) => {
    bad(typeof value === 'string');
    return fromBase64url(value, length);
  };
  names(json, 'evidence,manifest,log_proof,filter,blind,evaluation,bucket');
  bad(json.evidence === 'ceknik/1');
  names(json.evaluation, 'blinded,evaluated,proof');
  if (json.filter !== null) {
    names(json.filter, 'block,path');
    bad(Array.isArray(json.filter.path));
  }
  bad(`${JSON.stringify(json)}\n` === text);
  return {
    manifest: bytes(json.manifest),
    logProof: bytes(json.log_proof),
    filter: json.filter && { block: bytes(json.filter.block), path: json.filter.path.map((hash) => bytes(hash, 32)) },
    blind: bytes(json.blind, 32),
    blinded: bytes(json.evaluation.blinded, 32),
    evaluated: bytes(json.evaluation.evaluated, 32),
    proof: bytes(json.evaluation.proof, 64),
    bucket: bytes(json.bucket),
  };
}

/** Whether the cell of an item is set. */
function cellIsSet({ geometry, shards }, { block, path }, f) {
  const { shard, within } = filter.place(geometry, f);
  const byte = 45 + Number(within / 8n);
  const number = Math.floor(byte / BLOCK);
  must(block.length === Math.min(BLOCK, geometry.bytes - number * BLOCK), 'filter_block');
  const found = rootFromPath(leafHash(block), number, Math.ceil(geometry.bytes / BLOCK), path);
  must(found !== null && equal(found, shards[shard].root), 'filter_block');
  return ((block[byte % BLOCK] >> Number(within % 8n)) & 1) === 1;
}

/** What a file shows of a NIK; refuses with the name of the check that fails. */
export async function verify(text, nik, policyText, { dataset = null, acceptWeak = false } = {}) {
  const file = await check('evidence_form', () => parse(text));
  const list = await check('manifest', () => manifest.parse(file.manifest));
  const logProof = await check('log_proof', () => log.parseProof(fromUtf8(file.logProof)));
  await check('log_key', () => log.checkProof(logProof, log.parsePolicy(policyText), file.manifest), {
    cosignature_false: 'witnesses', quorum_not_met: 'witnesses', index_outside: 'inclusion', not_included: 'inclusion',
  });
  must(logProof.checkpoint.origin === list.log, 'origin');
  must(dataset === null || list.dataset === dataset, 'dataset');
  must(!list.stretch.weak || acceptWeak, 'weak');
  const r = await check('blind', () => evaluation.scalar(file.blind));
  await check('elements', () => [file.blinded, file.evaluated].map(evaluation.element));
  const key = list.oprf.public_key;
  await check('evaluation', () => evaluation.verify(key, [file.blinded], [file.evaluated], file.proof), {
    proof_not_canonical: 'elements',
  });
  must((file.filter === null) === (list.filter === null), 'filter_presence');

  const { salt, memory_kib, passes } = list.stretch;
  const h = await stretch(nik, salt, memory_kib, passes);
  const x = oprfInput(h);
  must(equal(evaluation.blind(x, r), file.blinded), 'blinded');
  const y = evaluation.finalize(x, r, file.evaluated);
  const set = file.filter === null ? null : cellIsSet(list.filter, file.filter, filterItem(h));
  const locator = record.locator(y);
  // Its names are those of the checks.
  const index = record.bucketOf(locator, list.buckets.bits);
  const entries = bucket.open(list.buckets, list.buckets.root, index, file.bucket);
  const shown = (verdict, supports = []) => ({ verdict, cell_is_set: set, supports });
  const entry = entries.find((entry) => compare(entry.locator, locator) === 0);
  if (entry === undefined) return shown('not_listed');
  let opened;
  try {
    opened = record.open(record.sealKey(y), list.dataset, entry.sealed);
  } catch (error) {
    if (!(error instanceof Refused)) throw error;
    return shown('record_unreadable');
  }
  return shown(set === false ? 'filter_lacks_record' : 'listed', opened.supports);
}

export const digest = (text) => hex(sha256(utf8(text)));
export const qr = (text) => `CEKNIK-EVIDENCE-1:${digest(text).toUpperCase()}`;

/** A file with bytes of a member replaced. */
export function splice(text, member, from, to, put) {
  const value = member.split('.').reduce((value, name) => value[name], JSON.parse(text));
  const old = fromBase64url(value);
  const parts = text.split(`"${value}"`);
  must(parts.length === 2, 'evidence_form');
  return parts.join(`"${base64url(concat(old.subarray(0, from), put, old.subarray(to)))}"`);
}
