// Recomputes every vector in tests/vectors from docs/spec.md, on libraries that the project does not use.
//
//     npm ci && node check.mjs
//
// Prints a line for each file, and fails when anything differs, when a file has no check here, or when a part of a file
// was not looked at.

import { readFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { isDeepStrictEqual } from 'node:util';

import { ristretto255_oprf } from '@noble/curves/ed25519.js';

import * as conventions from './spec/conventions.mjs';
import { Refused, compare, concat, fromBase64url, fromHex, hex, utf8 } from './spec/conventions.mjs';
import * as bucket from './spec/bucket.mjs';
import * as cover from './spec/cover.mjs';
import * as evaluation from './spec/evaluation.mjs';
import * as evidence from './spec/evidence.mjs';
import * as filter from './spec/filter.mjs';
import * as identifier from './spec/identifier.mjs';
import * as log from './spec/log.mjs';
import * as manifest from './spec/manifest.mjs';
import { phrase } from './spec/phrase.mjs';
import * as promise from './spec/promise.mjs';
import * as record from './spec/record.mjs';
import { checkCost, filterItem, oprfInput, stretch } from './spec/stretch.mjs';

const VECTORS = join(import.meta.dirname, '..');
const read = (name) => readFileSync(join(VECTORS, name));
const load = (name) => (name.endsWith('.json') ? JSON.parse(read(name)) : {});

const failures = [];
let now = { file: '', passed: 0, failed: 0 };
let passed = 0;

/** The first so many of a sequence. */
function take(sequence, count) {
  const items = [];
  for (const item of sequence) {
    if (items.push(item) === count) break;
  }
  return items;
}

/** One vector. */
async function vector(what, run) {
  try {
    await run();
    now.passed++;
  } catch (error) {
    now.failed++;
    failures.push(`${now.file}: ${what}: ${error instanceof Refused ? `refused as ${error.message}` : error.stack}`);
  }
}

function same(got, want, what = 'value') {
  const plain = (value) => (value instanceof Uint8Array ? hex(value) : typeof value === 'bigint' ? Number(value) : value);
  if (!isDeepStrictEqual(plain(got), plain(want))) {
    throw new Error(`${what}: got ${JSON.stringify(plain(got))}, not ${JSON.stringify(plain(want))}`);
  }
}

/** The error's name, and what it is about; nulls when there was none. */
async function outcome(run) {
  try {
    await run();
    return { error: null, field: null };
  } catch (error) {
    if (!(error instanceof Refused)) throw error;
    return { error: error.code, field: error.field };
  }
}

/** A vector whose `error` is expected, or none where it is null. */
const judged = (what, { error, field }, run) =>
  vector(what, async () => {
    const got = await outcome(run);
    same(got.error, error ?? null, 'error');
    if (field !== undefined && field !== null) same(got.field, field, 'field');
  });

const bytes = (value) => fromHex(value);
const geometryOf = ({ shard_bits, bytes: length, seed }) => ({ shard_bits, bytes: length, seed: bytes(seed) });

const CHECKS = {
  async 'conventions.json'(file) {
    for (const { text, bytes: want } of file.base64url) {
      await vector(text, () => {
        same(fromBase64url(text), want);
        same(conventions.base64url(bytes(want)), text);
      });
    }
    for (const text of file.base64url_refused_as_2_bytes) {
      await judged(text, { error: 'base64' }, () => fromBase64url(text, 2));
    }
    for (const { text, unix } of file.time) await vector(text, () => same(conventions.time(text), unix));
    for (const text of file.time_refused) await judged(text, { error: 'time' }, () => conventions.time(text));
    for (const text of file.day) await vector(text, () => same(conventions.isDay(text), true));
    for (const text of file.day_refused) await vector(text, () => same(conventions.isDay(text), false));
    for (const text of file.id) await vector(text, () => same(conventions.isId(text), true));
    for (const text of file.id_refused) await vector(text, () => same(conventions.isId(text), false));
  },

  async 'tree.json'(file) {
    for (const tree of file.trees) {
      await vector(`${tree.leaves.length} leaves`, () => {
        const leaves = tree.leaves.map((leaf) => conventions.leafHash(bytes(leaf)));
        same(conventions.root(leaves), tree.root);
        for (const [index, want] of tree.paths.entries()) {
          const path = conventions.path(leaves, index);
          same(path.map(hex), want);
          same(conventions.rootFromPath(leaves[index], index, leaves.length, path), tree.root);
          same(conventions.rootFromPath(leaves[index], index, leaves.length, [...path, leaves[index]]), null);
        }
      });
    }
  },

  async 'stretch.json'(file) {
    for (const { nik, salt, memory_kib, passes, ...want } of file.cases) {
      await vector(nik, async () => {
        const h = await stretch(nik, bytes(salt), memory_kib, passes);
        same(h, want.h);
        same(filterItem(h), want.filter_item);
        same(oprfInput(h), want.oprf_input);
      });
    }
    for (const cost of file.costs) await judged(JSON.stringify(cost), cost, () => checkCost(cost));
  },

  async 'filter.json'(file) {
    for (const { name, geometry: stated, answers, shards, ...want } of file.filters) {
      const geometry = geometryOf(stated);
      const files = shards.map((shard) => fromBase64url(shard.file_base64url));
      await vector(`${name}: built`, () => {
        filter.checkGeometry(geometry);
        same(filter.cells(geometry), want.cells);
        const sequence = filter.noise(bytes(want.store_key), want.dataset, want.generation, geometry);
        const noise = take(sequence, want.noise_cells.length);
        same(noise.map(Number), want.noise_cells);
        const members = answers.filter(({ member }) => member).map(({ h }) => filter.place(geometry, filterItem(bytes(h))).cell);
        const set = new Set([...noise, ...members]);
        same(set.size, want.cells_set);
        same(filter.build(geometry, set).map(hex), files.map(hex));
      });
      for (const [shard, { sha256, root }] of shards.entries()) {
        const digest = { sha256: bytes(sha256), root: bytes(root) };
        await vector(`${name}: shard ${shard}`, () => filter.checkFile(geometry, digest, files[shard]));
      }
      for (const answer of answers) {
        await vector(`${name}: ${answer.h}`, () => {
          const f = filterItem(bytes(answer.h));
          same(f, answer.item);
          const { shard, within, cell } = filter.place(geometry, f);
          same([shard, Number(cell)], [answer.shard, answer.cell]);
          same(filter.isSet(files[shard], within), answer.hit);
        });
      }
    }
    for (const { store_key, dataset, generation, geometry: stated, ...want } of file.noise) {
      await vector(`noise of ${dataset}, generation ${generation}`, () => {
        const geometry = geometryOf(stated);
        const info = filter.noiseInfo(dataset, generation, geometry.seed);
        same(info, want.info);
        same(conventions.HKDF(bytes(store_key), info, 32), want.key);
        // A list of more than 16 is all the cells there are.
        const count = want.first_cells.length === 16 ? 16 : Infinity;
        const cells = take(filter.noise(bytes(store_key), dataset, generation, geometry), count);
        same(cells.map(Number), want.first_cells);
      });
    }
    for (const { item, in: places } of file.selectors) {
      await vector(`selector ${item}`, () => {
        for (const want of places) {
          const { shard, cell } = filter.place(geometryOf(want.geometry), bytes(item));
          same([shard, Number(cell)], [want.shard, want.cell]);
        }
      });
    }
    for (const refused of file.files_refused) {
      const digest = { sha256: bytes(refused.sha256), root: bytes(refused.root) };
      const content = fromBase64url(refused.file_base64url);
      await judged(refused.what, refused, () => filter.checkFile(geometryOf(refused.geometry), digest, content));
    }
    for (const refused of file.geometries_refused) {
      await judged(JSON.stringify(refused), refused, () => filter.checkGeometry(geometryOf(refused)));
    }
  },

  async 'promise.json'(file) {
    for (const { population, posterior_percent, cells, members_before, members, noise_added, error } of file.noise) {
      const numbers = [population, posterior_percent, cells].map(BigInt);
      await judged(`${members_before} to ${members} of ${population}`, { error }, () => {
        const added = members_before === 0
          ? promise.firstNoise(BigInt(members), ...numbers)
          : promise.addedNoise(BigInt(members_before), BigInt(members), ...numbers);
        same(added, noise_added);
      });
    }
    for (const { cells, noise, odds_factor } of file.odds_factor) {
      await vector(`${cells} / ${noise}`, () => same(promise.oddsFactor(BigInt(cells), BigInt(noise)), odds_factor));
    }
    for (const { cells, noise_before, noise_added, epoch_odds_factor } of file.epoch_odds_factor) {
      const numbers = [cells, noise_before, noise_added].map(BigInt);
      await vector(numbers.join(' '), () => same(promise.epochOddsFactor(...numbers), epoch_odds_factor));
    }
    for (const { population, bits, shard_bits, floor, people_per_bucket, allowed } of file.buckets) {
      await vector(`${population} people, ${bits} bits`, () => {
        same(promise.peoplePerBucket(BigInt(population), bits, shard_bits), people_per_bucket);
        same(promise.bucketsAllowed(BigInt(population), bits, shard_bits, BigInt(floor)), allowed);
      });
    }
  },

  async 'evaluation.json'(file) {
    const parts = ({ public_key, batch, proof }) => [
      bytes(public_key),
      batch.map(({ blinded }) => bytes(blinded)),
      batch.map(({ evaluated }) => bytes(evaluated)),
      bytes(proof),
    ];
    for (const case_ of file.evaluations) {
      const [B, C, D, proof] = parts(case_);
      await vector(case_.name, () => {
        const k = evaluation.scalar(bytes(case_.secret_key));
        same(evaluation.publicKey(k), B);
        same(evaluation.compositeSeed(B, C, D), case_.composite_seed);
        const made = evaluation.prove(k, C, evaluation.scalar(bytes(case_.nonce)));
        same(made.D.map(hex), D.map(hex));
        same(made.proof, proof);
        evaluation.verify(B, C, D, proof);
        for (const [i, own] of case_.own.entries()) {
          const [x, r] = [bytes(own.input), evaluation.scalar(bytes(own.blind))];
          same(evaluation.hashToGroup(x).toBytes(), own.hash_to_group);
          same(evaluation.blind(x, r), own.blinded);
          same(C[case_.first + i], own.blinded);
          same(evaluation.finalize(x, r, D[case_.first + i]), own.y);
        }
      });
      // A finished RFC 9497 implementation agrees on single elements, and refuses the batches.
      await vector(`${case_.name}, by the library`, () => {
        const items = case_.own.map(({ input, blind }, i) => {
          const place = case_.first + i;
          return { input: bytes(input), blind: bytes(blind), blinded: C[place], evaluated: D[place] };
        });
        if (C.length === 1) {
          const [{ input, blind, blinded, evaluated }] = items;
          same(ristretto255_oprf.voprf.finalize(input, blind, evaluated, blinded, B, proof), case_.own[0].y);
        }
        for (const [i, { input }] of items.entries()) {
          same(ristretto255_oprf.voprf.evaluate(bytes(case_.secret_key), input), case_.own[i].y);
        }
        if (items.length > 1 && items.length === C.length) {
          let accepted = true;
          try {
            ristretto255_oprf.voprf.finalizeBatch(items, B, proof);
          } catch {
            accepted = false;
          }
          same(accepted, false, 'accepted by the RFC');
        }
      });
    }
    for (const refused of file.batches_refused) {
      await judged(refused.what, refused, () => evaluation.verify(...parts(refused)));
    }
    for (const case_ of file.responses) {
      const sent = case_.sent.map(bytes);
      await judged(case_.what, case_, () => evaluation.response(case_.response, bytes(case_.public_key), sent, case_.alone));
    }
    for (const case_ of file.elements) await judged(case_.what, case_, () => evaluation.element(bytes(case_.element)));
    for (const case_ of file.scalars) await judged(case_.what, case_, () => evaluation.scalar(bytes(case_.scalar)));
  },

  async 'record.json'(file) {
    for (const { y, dataset, payload_bytes, ...want } of file.records) {
      await vector(want.locator, () => {
        same(record.locator(bytes(y)), want.locator);
        same(record.sealKey(bytes(y)), want.seal_key);
        same(record.payload(want.record, payload_bytes), want.payload);
        const sealed = record.seal(bytes(want.seal_key), dataset, want.record, payload_bytes);
        same(sealed, want.sealed);
        same(record.open(bytes(want.seal_key), dataset, sealed), want.record);
      });
    }
    for (const { locator, bits, bucket: want } of file.locators) {
      await vector(locator, () => same(bits.map((bits) => record.bucketOf(bytes(locator), bits)), want));
    }
    for (const refused of file.sealed_refused) {
      const sealed = bytes(refused.sealed);
      await judged(refused.what, refused, () => record.open(bytes(refused.seal_key), refused.dataset, sealed));
    }
    for (const refused of file.payloads_refused) {
      await judged(refused.what, refused, () => record.payload(refused.record, refused.payload_bytes));
    }
  },

  async 'bucket.json'(file) {
    for (const table of file.tables) {
      const lists = table.responses.map(({ entries }) => entries.map(bytes));
      const made = bucket.table(table.geometry, lists);
      await vector(`${lists.length} buckets`, () => {
        bucket.checkGeometry(table.geometry);
        same(made.root, table.root);
      });
      for (const { index, response_base64url } of table.responses) {
        await vector(`bucket ${index} of ${lists.length}`, () => {
          const response = fromBase64url(response_base64url);
          same(made.responses[index], response);
          const opened = bucket.open(table.geometry, bytes(table.root), index, response);
          same(opened.map(({ locator, sealed }) => hex(concat(locator, sealed))), lists[index].map(hex));
        });
      }
    }
    for (const refused of file.responses_refused) {
      const response = fromBase64url(refused.response_base64url);
      await judged(refused.what, refused, () => bucket.open(refused.geometry, bytes(refused.root), refused.index, response));
    }
    for (const refused of file.geometries_refused) {
      await judged(JSON.stringify(refused), refused, () => bucket.checkGeometry(refused));
    }
  },

  async 'manifest.json'(file) {
    const documents = new Map(file.manifests.map(({ name, text }) => [name, text]));
    const altered = (name, { find, put }) => {
      const parts = documents.get(name).split(find);
      if (parts.length !== 2) throw new Error(`${find} stands ${parts.length - 1} times`);
      return utf8(parts.join(put));
    };
    for (const { name, text, sha256 } of file.manifests) {
      await vector(name, () => same(manifest.parse(utf8(text)).sha256, sha256));
    }
    for (const case_ of file.spellings) await vector(case_.what, () => manifest.parse(altered(case_.manifest, case_)));
    for (const case_ of file.refused) await judged(case_.what, case_, () => manifest.parse(altered(case_.manifest, case_)));
    for (const case_ of file.lengths) {
      const text = documents.get(case_.manifest) + ' '.repeat(case_.spaces_after);
      await judged(case_.what, case_, () => manifest.parse(utf8(text)));
    }
    for (const case_ of file.bytes_refused) {
      await judged(case_.what, case_, () => manifest.parse(fromBase64url(case_.manifest_base64url)));
    }
    const parsed = (name) => manifest.parse(utf8(documents.get(name)));
    for (const { before, after } of file.follow) {
      await vector(`${after} after ${before}`, () => manifest.checkFollows(parsed(before), parsed(after)));
    }
    for (const case_ of file.follow_refused) {
      const after = manifest.parse(altered(case_.after, case_));
      await judged(`${case_.after} after ${case_.before}: ${case_.put}`, case_, () =>
        manifest.checkFollows(parsed(case_.before), after),
      );
    }
    for (const { before, after } of [...file.follow, ...file.later]) {
      await vector(`${after} later than ${before}`, () => manifest.checkLater(parsed(before), parsed(after)));
    }
    for (const case_ of file.later_refused) {
      const after = manifest.parse(altered(case_.after, case_));
      await judged(`${case_.after} later than ${case_.before}: ${case_.put}`, case_, () =>
        manifest.checkLater(parsed(case_.before), after),
      );
    }
    for (const case_ of file.fresh) {
      await judged(`${case_.manifest} at ${case_.now}`, case_, () =>
        manifest.checkFresh(parsed(case_.manifest), conventions.time(case_.now), case_.accept_weak),
      );
    }
  },

  async 'policy.json'(file) {
    for (const case_ of file.policies) {
      await judged(case_.what, { error: case_.error, field: case_.line }, () => {
        const { logs, witnesses } = log.parsePolicy(case_.text);
        same(logs.map(({ vkey }) => vkey), case_.logs);
        same(witnesses.map(({ name, key }) => ({ name, vkey: key.vkey })), case_.witnesses);
      });
    }
  },

  async 'checkpoint.json'(file) {
    const { ed25519 } = await import('@noble/curves/ed25519.js');
    const keyOf = (skey) => fromBase64Tail(skey).subarray(1);
    const fromBase64Tail = (skey) => conventions.fromBase64(skey.split('+').slice(4).join('+'));
    await vector('the log key signs', () => {
      const case_ = file.checkpoints.find(({ what }) => what === 'signed by the log alone');
      const { text, signatures } = log.parseCheckpoint(case_.note);
      same(ed25519.sign(utf8(text), keyOf(file.log_key)), signatures[0].signature);
    });
    await vector('the witnesses cosign', () => {
      const case_ = file.checkpoints.find(({ what }) => what === 'all of three witnesses');
      const { text, signatures } = log.parseCheckpoint(case_.note);
      for (const { name, signature } of signatures.slice(1)) {
        const seed = bytes(file.witness_seeds[Number(/[0-9]+/.exec(name)[0]) - 1]);
        const time = conventions.bigEndian(signature.subarray(0, 8));
        same(ed25519.sign(utf8(`cosignature/v1\ntime ${time}\n${text}`), seed), signature.subarray(8));
      }
    });
    for (const case_ of file.checkpoints) {
      await judged(case_.what, case_, () => {
        const checkpoint = log.parseCheckpoint(case_.note);
        const policy = log.parsePolicy(case_.policy);
        const times = log.checkPolicy(checkpoint, policy);
        same([checkpoint.origin, Number(checkpoint.size), hex(checkpoint.root)], [case_.origin, case_.size, case_.root]);
        const witnessed = policy.witnesses.filter((witness) => times.has(witness));
        same(witnessed.map((witness) => ({ witness: witness.name, time: Number(times.get(witness)) })), case_.witnessed);
      });
    }
  },

  async 'tlog-proof.json'(file) {
    for (const case_ of file.proofs) {
      await judged(case_.what, case_, () => {
        const proof = log.parseProof(case_.proof);
        log.checkProof(proof, log.parsePolicy(case_.policy), bytes(case_.leaf));
        same(proof.index, case_.index);
      });
    }
    for (const [i, case_] of file.manifests.entries()) {
      await judged(`manifest ${i}`, case_, () => logged(case_.manifest, case_.proof, log.parsePolicy(case_.policy)));
    }
  },

  async 'consistency.json'(file) {
    for (const case_ of file.consistency) {
      await judged(case_.what, case_, () => {
        const policy = log.parsePolicy(case_.policy);
        const [old, newer] = [log.parseCheckpoint(case_.old), log.parseCheckpoint(case_.new)];
        for (const checkpoint of [old, newer]) log.checkPolicy(checkpoint, policy);
        const tiles = new Map(case_.tiles.map(({ path, bytes_base64url }) => [path, fromBase64url(bytes_base64url)]));
        log.checkConsistency(old, newer, tiles);
      });
    }
    for (const { level, index, size, path } of file.tile_paths) {
      await vector(path, () => same(log.tilePath(level, index, size), path));
    }
  },

  async 'phrase.json'(file) {
    for (const { origin, size, root, phrase: want } of file.cases) {
      await vector(`${origin}, ${size}`, async () => same(await phrase(origin, size, bytes(root)), want));
    }
  },

  async 'cover.json'(file) {
    for (const { secret, generation, h, cover_percent, ...want } of file.cases) {
      await vector(`${cover_percent} %, generation ${generation}`, () => {
        const coin = cover.coin(bytes(secret), generation, bytes(h));
        same(coin, want.coin);
        same(cover.confirms(coin, cover_percent), want.covers);
      });
    }
    for (const { secret, h, locators } of file.fillers) {
      await vector(`${locators.length} fillers beside ${h.length}`, () => {
        locators.forEach((locator, place) => same(cover.fillerLocator(bytes(secret), h.map(bytes), place), locator));
      });
    }
    for (const { secret, listed, asked } of file.mirrors) {
      await vector(`${listed.length} mirrors`, () => same(cover.mirrorOrder(bytes(secret), listed), asked));
    }
  },

  'walk.json': walk,

  async 'evidence.json'(file) {
    for (const { what, nik, file: text, sha256, qr, ...want } of file.evidence) {
      await vector(what, async () => {
        const { verdict, cell_is_set, supports } = await evidence.verify(text, nik, file.policy);
        same({ verdict, cell_is_set, supports }, want);
        same([evidence.digest(text), evidence.qr(text)], [sha256, qr]);
      });
    }
    const [first] = file.evidence;
    for (const refused of file.refused) {
      const { member, from, to, put, find, put_text, nik = first.nik, dataset = null } = refused;
      let { file: text } = refused;
      if (member !== undefined) text = evidence.splice(first.file, member, from, to, bytes(put));
      if (find !== undefined) text = first.file.split(find).join(put_text);
      await judged(refused.what, refused, () => evidence.verify(text, nik, file.policy, { dataset }));
    }
  },

  async 'districts.json'(file) {
    await vector('ranges', () => {
      // Ascending, none touching the next.
      const ends = file.current.flatMap((range) => /^([0-9]{6})-([0-9]{6})$/.exec(range).slice(1).map(Number));
      same(ends.every((end, i) => i === 0 || (i % 2 === 1 ? end >= ends[i - 1] : end > ends[i - 1] + 1)), true);
    });
    const current = identifier.districts(file.current);
    await vector('their number', () => same(current.size, file.count));
    for (const code of file.not_current) await vector(code, () => same(current.has(code), false));
  },

  async 'nik.json'(file) {
    const current = identifier.districts(load('districts.json').current);
    for (const { input, expect, digits, error, warnings } of file.niks) {
      await vector(JSON.stringify(input), () => {
        const got = identifier.nik(input);
        same(got.error ?? 'ok', expect === 'ok' ? 'ok' : error);
        if (expect !== 'ok') return;
        same(got.digits, digits);
        same(identifier.warnings(got.digits, current), warnings);
      });
    }
  },

  async 'rfc9497-voprf-ristretto255-sha512.json'([suite]) {
    const { skSm, pkSm, seed, keyInfo, vectors } = suite;
    await vector('the key', () => {
      same(evaluation.publicKey(evaluation.scalar(bytes(skSm))), pkSm);
      const { secretKey } = ristretto255_oprf.voprf.deriveKeyPair(bytes(seed), bytes(keyInfo));
      same(secretKey, skSm);
    });
    for (const vector_ of vectors) {
      const list = (text) => text.split(',').map(bytes);
      await vector(`batch of ${vector_.Batch}`, () => {
        const [inputs, blinds, C, D, outputs] = ['Input', 'Blind', 'BlindedElement', 'EvaluationElement', 'Output'].map((name) => list(vector_[name]));
        for (const [i, x] of inputs.entries()) {
          const r = evaluation.scalar(blinds[i]);
          same(evaluation.blind(x, r), C[i]);
          same(evaluation.finalize(x, r, D[i]), outputs[i]);
        }
        const nonce = evaluation.scalar(bytes(vector_.Proof.r));
        const { proof } = evaluation.prove(evaluation.scalar(bytes(skSm)), C, nonce);
        // One element: the RFC's. Two: ours.
        same(hex(proof) === vector_.Proof.proof, C.length === 1);
        evaluation.verify(bytes(pkSm), C, D, proof);
      });
      const expected = { error: vector_.Batch === 1 ? null : 'proof_invalid' };
      await judged(`the RFC's proof over ${vector_.Batch}`, expected, () =>
        evaluation.verify(bytes(pkSm), list(vector_.BlindedElement), list(vector_.EvaluationElement), bytes(vector_.Proof.proof)),
      );
    }
  },

  // Not ours: a real log's checkpoint, with cosignatures of real witnesses, and the policy of those who run it.
  async 'sigsum-2025-12'() {
    await vector('policy and checkpoint', () => {
      const [policy, checkpoint] = ['policy', 'checkpoint'].map((name) => read(join('sigsum-2025-12', name)).toString());
      const times = log.checkPolicy(log.parseCheckpoint(checkpoint), log.parsePolicy(policy));
      same(times.size >= 4, true);
      // Of the six that the rule asks for four of, three are left.
      const gone = ['witness.', 'remora.'].map((name) => `\u2014 ${name}`);
      const rest = checkpoint.split('\n').filter((line) => !gone.some((start) => line.startsWith(start))).join('\n');
      let error = null;
      try {
        log.checkPolicy(log.parseCheckpoint(rest), log.parsePolicy(policy));
      } catch (refused) {
        error = refused.code;
      }
      same(error, 'quorum_not_met');
    });
  },
};

/** A manifest, its proof, and whether it is in the log that it names. */
function logged(text, proofText, policy) {
  const parsed = manifest.parse(utf8(text));
  const proof = log.parseProof(proofText);
  log.checkProof(proof, policy, utf8(text));
  conventions.must(proof.checkpoint.origin === parsed.log, 'manifest_origin');
  return { manifest: parsed, checkpoint: proof.checkpoint };
}

/** From the policy to the answers, as a client goes. */
async function walk(file) {
  const get = (path) => {
    if (!(path in file.get)) throw new Error(`nothing at ${path}`);
    const { text, base64url } = file.get[path];
    return text === undefined ? fromBase64url(base64url) : utf8(text);
  };
  const textAt = (path) => conventions.fromUtf8(get(path));
  const { dataset } = file;
  const policy = log.parsePolicy(textAt('/v1/policy'));
  const epochs = {};
  for (const epoch of [1, 2]) {
    await vector(`epoch ${epoch}`, () => {
      const at = `/v1/${dataset}/epochs/${epoch}`;
      epochs[epoch] = logged(textAt(`${at}/manifest`), textAt(`${at}/proof`), policy);
    });
  }
  const list = epochs[2].manifest;
  await vector('the current manifest', () => {
    same(textAt(`/v1/${dataset}/manifest`), textAt(`/v1/${dataset}/epochs/2/manifest`));
    same(list.dataset, dataset);
    manifest.checkFresh(list, conventions.time(file.now), false);
    manifest.checkFollows(epochs[1].manifest, list);
  });
  await vector('the log', () => {
    const newest = log.parseCheckpoint(textAt('/log/checkpoint'));
    log.checkPolicy(newest, policy);
    const tiles = new Map([['tile/0/000.p/3', get('/log/tile/0/000.p/3')]]);
    log.checkConsistency(epochs[1].checkpoint, newest, tiles);
    log.checkConsistency(epochs[2].checkpoint, newest, tiles);
    same(hex(get('/log/tile/0/000.p/1')), hex(get('/log/tile/0/000.p/3').subarray(0, 32)));
  });

  // What only the publisher can compute: that the filter's cells are members and noise, and nothing else.
  const files = {};
  for (const [epoch, { manifest: list }] of Object.entries(epochs)) {
    await vector(`the filter of epoch ${epoch}`, () => {
      const { geometry, shards: [shard], noise, members, generation } = list.filter;
      files[epoch] = get(`/v1/${dataset}/filter/${hex(shard.sha256)}`);
      filter.checkFile(geometry, shard, files[epoch]);
      const sequence = filter.noise(bytes(file.store_key), dataset, Number(generation), geometry);
      const built = filter.build(geometry, take(sequence, Number(noise)))[0];
      const extra = files[epoch].reduce((count, byte, i) => {
        if ((byte & built[i]) !== built[i]) throw new Error('noise is missing');
        return count + (byte ^ built[i]).toString(2).replaceAll('0', '').length;
      }, 0);
      // Members may fall into cells of noise and into each other's.
      same(extra >= 1 && extra <= Number(members), true, 'cells set by members alone');
    });
    await vector(`the table of epoch ${epoch}`, () => {
      const counts = [];
      for (let index = 0; index < 2 ** list.buckets.bits; index++) {
        const response = get(`/v1/${dataset}/epochs/${epoch}/buckets/${index}`);
        counts.push(bucket.open(list.buckets, list.buckets.root, index, response).length);
      }
      same(counts.reduce((a, b) => a + b), Number(list.records));
      if (epoch === '2') same(counts, file.entries_per_bucket);
    });
  }
  await vector('no cell was cleared', () => same(files[1].every((byte, i) => (byte & files[2][i]) === byte), true));

  for (const want of file.walks) {
    await vector(want.what, async () => {
      const { salt, memory_kib, passes } = list.stretch;
      const h = await stretch(want.nik, salt, memory_kib, passes);
      same(h, want.h);
      const f = filterItem(h);
      same(f, want.filter_item);
      const { within, cell } = filter.place(list.filter.geometry, f);
      same(cell, want.cell);
      const hit = filter.isSet(files[2], within);
      same(hit ? 'hit' : 'miss', want.local);
      const coin = cover.coin(bytes(file.device_secret), Number(list.filter.generation), h);
      const covers = !hit && cover.confirms(coin, Number(list.disclosure.cover_percent));
      same(covers, want.covers);
      if (!hit && !covers) {
        same(want.answer, 'not_listed');
        return;
      }
      const [x, r] = [oprfInput(h), evaluation.scalar(bytes(want.blind))];
      same(x, want.oprf_input);
      const C = evaluation.blind(x, r);
      const key = conventions.base64url(list.oprf.public_key);
      same(want.request, `{"key":"${key}","blinded":["${conventions.base64url(C)}"],"alone":true}`);
      const { D } = evaluation.response(want.response, list.oprf.public_key, [C], true);
      same(ristretto255_oprf.voprf.blindEvaluate(bytes(file.oprf_key), list.oprf.public_key, C).evaluated, D[0]);
      const y = evaluation.finalize(x, r, D[0]);
      same(y, want.y);
      const [locator, sealKey] = [record.locator(y), record.sealKey(y)];
      same([hex(locator), hex(sealKey)], [want.locator, want.seal_key]);
      const index = record.bucketOf(locator, list.buckets.bits);
      same(index, want.bucket);
      const response = get(`/v1/${dataset}/epochs/2/buckets/${index}`);
      const entries = bucket.open(list.buckets, list.buckets.root, index, response);
      const entry = entries.find((entry) => compare(entry.locator, locator) === 0);
      same(entry === undefined ? 'not_listed' : 'listed', want.answer);
      same(entry === undefined ? null : record.open(sealKey, dataset, entry.sealed), want.record);
    });
  }
}

/** Remembers which members of a file were looked at, so that none is passed over unseen. */
function watched(file) {
  const seen = new Set(['about', 'spec', 'made_by', 'conventions', 'members']);
  if (Array.isArray(file)) return { file, unseen: () => [] };
  const proxy = new Proxy(file, {
    get(target, name) {
      seen.add(name);
      return target[name];
    },
  });
  return { file: proxy, unseen: () => Object.keys(file).filter((name) => !seen.has(name)) };
}

const names = readdirSync(VECTORS).filter((name) => name !== 'check').sort();
for (const name of new Set([...names, ...Object.keys(CHECKS)])) {
  now = { file: name, passed: 0, failed: 0 };
  const check = CHECKS[name];
  if (check === undefined || !names.includes(name)) {
    await vector('the file', () => {
      throw new Error(check === undefined ? 'no check is written for it' : 'it is missing');
    });
  } else {
    const { file, unseen } = watched(load(name));
    await vector('the whole file', async () => {
      await check(file);
      same(unseen(), [], 'parts that nothing looked at');
    });
  }
  console.log(`${name}: ${now.passed} passed${now.failed > 0 ? `, ${now.failed} failed` : ''}`);
  passed += now.passed;
}
for (const failure of failures) console.log(`FAILED ${failure}`);
console.log(`${passed} passed, ${failures.length} failed`);
process.exitCode = failures.length === 0 ? 0 : 1;
