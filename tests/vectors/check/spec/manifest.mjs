// docs/spec.md, step 8.

import { equal, fromBase64url, fromHex, fromUtf8, isId, must, refuse, sha256, time } from './conventions.mjs';
import * as json from './json.mjs';
import { checkGeometry as checkBuckets } from './bucket.mjs';
import { cells, checkGeometry as checkFilter } from './filter.mjs';
import { element } from './evaluation.mjs';
import { addedNoise, checkBase, epochOddsFactor, firstNoise, oddsFactor, peoplePerBucket } from './promise.mjs';
import { checkCost } from './stretch.mjs';
import { isKeyName } from './log.mjs';

const FORM = 'manifest_json';
const MOST = (1n << 53n) - 1n;

const texts = json.object({ id: json.text, en: json.text });
const key = { public_key: json.text };
const readers = {
  protocol: json.text,
  log: json.text,
  dataset: json.text,
  epoch: json.whole(64),
  previous: json.nullable(json.text),
  published_at: json.text,
  valid_until: json.text,
  title: texts,
  coverage: texts,
  records: json.whole(64),
  population: json.whole(64),
  stretch: json.object({
    algorithm: json.text,
    memory_kib: json.whole(32),
    passes: json.whole(32),
    lanes: json.whole(32),
    salt: json.text,
    weak: json.flag,
  }),
  filter: json.nullable(
    json.object({
      format: json.text,
      generation: json.whole(32),
      shard_bits: json.whole(8),
      seed: json.text,
      members: json.whole(64),
      noise: json.whole(64),
      shards: json.list(json.object({ bytes: json.whole(64), sha256: json.text, root: json.text })),
    }),
  ),
  oprf: json.object({
    suite: json.text,
    ...key,
    next: json.nullable(json.object({ ...key, from_epoch: json.whole(64) })),
  }),
  buckets: json.object({
    bits: json.whole(8),
    payload_bytes: json.whole(32),
    root: json.text,
    response_bytes: json.whole(32),
  }),
  disclosure: json.object({
    posterior_percent: json.nullable(json.whole(8)),
    odds_factor: json.nullable(json.double),
    epoch_odds_factor: json.nullable(json.double),
    people_per_bucket: json.whole(64),
    cover_percent: json.whole(8),
    evaluations_per_day: json.whole(64),
  }),
  candidates: json.named(isId, texts),
  statuses: json.named(isId, texts),
  guidance: json.list(
    json.object({ region: json.nullable(json.text), id: json.text, en: json.text, url: json.text }),
  ),
  mirrors: json.list(json.text),
  extensions: json.anyObject,
};

const field = (holds, name) => must(holds, 'manifest_field', name);

/** What `read` refuses is refused for this field. */
function of(name, read) {
  try {
    return read();
  } catch {
    return refuse('manifest_field', name);
  }
}

const bytes32 = (name, text) => of(name, () => fromBase64url(text, 32));

function digest(name, text) {
  field(/^[0-9a-f]{64}$/.test(text), name);
  return fromHex(text);
}

const presentable = (text) =>
  text !== '' && !/(?!\n)\p{Cc}/u.test(text) && !/[\u202a-\u202e\u2066-\u2069]/.test(text);
const both = (text) => presentable(text.id) && presentable(text.en);
const address = (text) => /^https?:\/\/[\u0021-\u007e]+$/.test(text);

/** What the exact bytes say: names as in the document, bytes decoded. */
export function parse(bytes) {
  must(bytes.length <= 65535, 'manifest_too_long');
  let text;
  try {
    text = fromUtf8(bytes);
  } catch {
    refuse(FORM);
  }
  const m = json.exactly(json.parse(text, FORM), readers, FORM);
  must(isId(m.dataset), FORM);
  must(m.protocol === 'ceknik/1', 'manifest_protocol');

  decode(m);
  checkNumbers(m);
  field((m.previous === null) === (m.epoch === 1n), 'previous');
  const validity = m.valid_until - m.published_at;
  field(validity >= 1 && validity <= 7 * 86400, 'valid_until');
  if (m.oprf.next !== null) {
    field(m.oprf.next.from_epoch > m.epoch, 'oprf.next.from_epoch');
    field(!equal(m.oprf.next.public_key, m.oprf.public_key), 'oprf.next.public_key');
  }
  checkDisclosure(m);
  checkTexts(m);
  return { ...m, sha256: sha256(bytes) };
}

function decode(m) {
  field(isKeyName(m.log), 'log');
  if (m.previous !== null) m.previous = digest('previous', m.previous);
  m.published_at = of('published_at', () => time(m.published_at));
  m.valid_until = of('valid_until', () => time(m.valid_until));

  const { stretch, filter, oprf, buckets } = m;
  field(stretch.algorithm === 'argon2id', 'stretch.algorithm');
  field(stretch.lanes === 1n, 'stretch.lanes');
  [stretch.memory_kib, stretch.passes] = [Number(stretch.memory_kib), Number(stretch.passes)];
  of('stretch', () => checkCost(stretch));
  stretch.salt = bytes32('stretch.salt', stretch.salt);

  if (filter !== null) {
    field(filter.format === 'bloom/1', 'filter.format');
    field(filter.shards.length > 0, 'filter.shards');
    filter.geometry = {
      shard_bits: Number(filter.shard_bits),
      bytes: Number(filter.shards[0].bytes),
      seed: bytes32('filter.seed', filter.seed),
    };
    of('filter', () => checkFilter(filter.geometry));
    field(filter.shards.length === 2 ** filter.geometry.shard_bits, 'filter.shards');
    field(filter.shards.every(({ bytes }) => bytes === filter.shards[0].bytes), 'filter.shards');
    for (const shard of filter.shards) {
      shard.sha256 = digest('filter.shards.sha256', shard.sha256);
      shard.root = bytes32('filter.shards.root', shard.root);
    }
    filter.cells = cells(filter.geometry);
  }

  const publicKey = (name, text) => {
    const bytes = bytes32(name, text);
    of(name, () => element(bytes));
    return bytes;
  };
  field(oprf.suite === 'ristretto255-SHA512', 'oprf.suite');
  if (oprf.next !== null) oprf.next.public_key = publicKey('oprf.next.public_key', oprf.next.public_key);
  oprf.public_key = publicKey('oprf.public_key', oprf.public_key);

  for (const name of ['bits', 'payload_bytes', 'response_bytes']) buckets[name] = Number(buckets[name]);
  of('buckets', () => checkBuckets(buckets));
  buckets.root = bytes32('buckets.root', buckets.root);
}

function checkNumbers(m) {
  const numbers = {
    epoch: m.epoch,
    population: m.population,
    'oprf.next.from_epoch': m.oprf.next?.from_epoch ?? 1n,
    'filter.generation': m.filter?.generation ?? 1n,
    'disclosure.evaluations_per_day': m.disclosure.evaluations_per_day,
  };
  for (const [name, number] of Object.entries(numbers)) field(number >= 1n && number <= MOST, name);
  field(m.records <= m.population, 'records');
}

function checkDisclosure(m) {
  const { disclosure, filter, buckets } = m;
  field(disclosure.cover_percent <= 100n, 'disclosure.cover_percent');
  const people = peoplePerBucket(m.population, buckets.bits, filter?.geometry.shard_bits ?? 0);
  field(disclosure.people_per_bucket === people, 'disclosure.people_per_bucket');
  if (filter === null) {
    const { posterior_percent, odds_factor, epoch_odds_factor } = disclosure;
    field([posterior_percent, odds_factor, epoch_odds_factor].every((value) => value === null), 'disclosure');
    field(disclosure.cover_percent === 100n, 'disclosure.cover_percent');
    return;
  }
  field(filter.members >= m.records && filter.members <= m.population, 'filter.members');
  const percent = disclosure.posterior_percent;
  field(percent !== null && percent >= 1n && percent <= 99n, 'disclosure');
  field(m.population <= 1n << 36n && filter.cells <= 1n << 40n, 'disclosure');
  of('disclosure', () => checkBase(filter.members, m.population, percent));
  field(filter.noise >= firstNoise(filter.members, m.population, percent, filter.cells), 'filter.noise');
  field(2n * filter.noise <= filter.cells, 'filter.noise');
  const factor = oddsFactor(filter.cells, filter.noise);
  field(disclosure.odds_factor === factor, 'disclosure.odds_factor');
  const epochFactor = disclosure.epoch_odds_factor;
  const possible = m.epoch === 1n
    ? epochFactor === factor
    : epochFactor === null || (epochFactor >= 1 && epochFactor <= Number(filter.cells));
  field(possible, 'disclosure.epoch_odds_factor');
}

function checkTexts(m) {
  field(both(m.title), 'title');
  field(both(m.coverage), 'coverage');
  for (const name of ['candidates', 'statuses']) field(m[name].size > 0 && [...m[name].values()].every(both), name);
  for (const guidance of m.guidance) {
    field(both(guidance), 'guidance');
    field(guidance.region === null || presentable(guidance.region), 'guidance.region');
    field(address(guidance.url), 'guidance.url');
  }
  field(m.mirrors.every(address), 'mirrors');
}

/** Whether `after` follows `before`; both parsed. */
export function checkFollows(before, after) {
  checkIdentity(before, after);
  must(after.epoch === before.epoch + 1n, 'succession_epoch');
  must(after.published_at > before.published_at, 'succession_time');
  must(equal(after.previous, before.sha256), 'succession_previous');
  checkKey(before, after);

  const [old, now] = [before.filter, after.filter];
  if (isSameGeneration(before, after)) {
    if (now === null) return;
    const percent = after.disclosure.posterior_percent;
    const added = addedNoise(old.members, now.members, after.population, percent, now.cells);
    must(now.noise === old.noise + added, 'succession_noise', 'noise');
    const factor = epochOddsFactor(now.cells, old.noise, added);
    must(after.disclosure.epoch_odds_factor === factor, 'succession_epoch_factor');
    return;
  }
  if (old !== null && now !== null) must(now.generation > old.generation, 'succession_generation_number');
  must(after.disclosure.epoch_odds_factor === after.disclosure.odds_factor, 'succession_epoch_factor');
}

/** Whether `after` may come after `before` with epochs between; both parsed. */
export function checkLater(before, after) {
  checkIdentity(before, after);
  must(after.epoch > before.epoch, 'succession_epoch');
  must(after.published_at > before.published_at, 'succession_time');
  const announced = before.oprf.next;
  if (announced !== null) {
    if (after.epoch <= announced.from_epoch) checkKey(before, after);
    else must(!equal(after.oprf.public_key, before.oprf.public_key), 'succession_announced');
  }
  isSameGeneration(before, after);
}

function checkIdentity(before, after) {
  must(after.dataset === before.dataset, 'succession_identity', 'dataset');
  must(after.log === before.log, 'succession_identity', 'log');
}

/** Whether both are of one generation, whose rules they then keep; what is of another reuses nothing. */
function isSameGeneration(before, after) {
  const sameKey = equal(after.oprf.public_key, before.oprf.public_key);
  const sameStretch = same(after.stretch, before.stretch);
  const fixed = (holds, name) => must(holds, 'succession_generation', name);
  const [old, now] = [before.filter, after.filter];
  if (old !== null && now !== null && old.generation === now.generation) {
    fixed(sameStretch, 'stretch');
    fixed(sameKey, 'oprf.public_key');
    fixed(same(now.geometry, old.geometry), 'filter');
    fixed(after.population === before.population, 'population');
    for (const name of ['posterior_percent', 'cover_percent']) {
      fixed(after.disclosure[name] === before.disclosure[name], `disclosure.${name}`);
    }
    for (const name of ['members', 'noise']) must(now[name] >= old[name], 'succession_noise', name);
    return true;
  }
  if (old === null && now === null && sameStretch) {
    fixed(sameKey, 'oprf.public_key');
    fixed(after.population === before.population, 'population');
    return true;
  }
  must(!equal(after.stretch.salt, before.stretch.salt), 'succession_reuse', 'stretch.salt');
  must(!sameKey, 'succession_reuse', 'oprf.public_key');
  if (old !== null && now !== null) {
    must(!equal(now.geometry.seed, old.geometry.seed), 'succession_reuse', 'filter.seed');
    must(now.generation > old.generation, 'succession_generation_number');
  }
  return false;
}

function checkKey(before, after) {
  const announced = before.oprf.next;
  if (announced !== null && announced.from_epoch === after.epoch) {
    must(equal(announced.public_key, after.oprf.public_key), 'succession_announced');
    return;
  }
  must(equal(after.oprf.public_key, before.oprf.public_key), 'succession_key');
  must(announced === null || (after.oprf.next !== null && same(announced, after.oprf.next)), 'succession_announced');
}

const same = (a, b) =>
  Object.keys(a).every((name) => (a[name] instanceof Uint8Array ? equal(a[name], b[name]) : a[name] === b[name]));

/** `now` in seconds since 1970. */
export function checkFresh(m, now, acceptWeak) {
  must(!m.stretch.weak || acceptWeak, 'weak');
  must(m.published_at <= now + 300, 'published_ahead');
  must(now <= m.valid_until, 'stale');
}
