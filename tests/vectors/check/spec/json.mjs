// JSON as docs/spec.md, "Conventions", has it: JSON.parse takes duplicate names, and gives numbers that lost their spelling.

import { Refused } from './conventions.mjs';

/** A number with its spelling. */
export class Numeral {
  constructor(text) {
    this.text = text;
  }

  /** As a whole number; null when it is not written as one. */
  get whole() {
    return /^(0|[1-9][0-9]*)$/.test(this.text) ? BigInt(this.text) : null;
  }

  get double() {
    return Number(this.text);
  }
}

const NUMBER = /-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?/y;
const PLAIN = /[^"\\\u0000-\u001f]*/y;
const ESCAPES = { '"': '"', '\\': '\\', '/': '/', b: '\b', f: '\f', n: '\n', r: '\r', t: '\t' };
const MOST_LEVELS = 127;

/** Parses a whole text; what is not JSON in the strict sense is refused under `code`. Objects become Maps. */
export function parse(text, code) {
  let [at, levels] = [0, 0];
  const fail = () => {
    throw new Refused(code);
  };
  const space = () => {
    while (' \t\n\r'.includes(text[at]) && at < text.length) at++;
  };
  const take = (pattern) => {
    pattern.lastIndex = at;
    const found = pattern.exec(text);
    if (found === null) fail();
    at = pattern.lastIndex;
    return found[0];
  };
  const expect = (word) => {
    if (!text.startsWith(word, at)) fail();
    at += word.length;
  };
  const string = () => {
    expect('"');
    let out = '';
    for (;;) {
      out += take(PLAIN);
      if (text[at] === '"') break;
      expect('\\');
      const char = text[at++];
      if (char === 'u') {
        out += String.fromCharCode(parseInt(take(/[0-9a-fA-F]{4}/y), 16));
      } else {
        out += ESCAPES[char] ?? fail();
      }
    }
    at++;
    if (!out.isWellFormed()) fail();
    return out;
  };
  const within = (read) => {
    if (++levels > MOST_LEVELS) fail();
    const value = read();
    levels--;
    return value;
  };
  const members = () => {
    const object = new Map();
    expect('{');
    space();
    while (text[at] !== '}') {
      if (object.size > 0) expect(',');
      space();
      const name = string();
      space();
      expect(':');
      const value = any();
      if (object.has(name)) fail();
      object.set(name, value);
    }
    at++;
    return object;
  };
  const items = () => {
    const array = [];
    expect('[');
    space();
    while (text[at] !== ']') {
      if (array.length > 0) expect(',');
      array.push(any());
    }
    at++;
    return array;
  };
  const any = () => {
    space();
    let value;
    if (text[at] === '{') value = within(members);
    else if (text[at] === '[') value = within(items);
    else if (text[at] === '"') value = string();
    else if (text[at] === 't') value = (expect('true'), true);
    else if (text[at] === 'f') value = (expect('false'), false);
    else if (text[at] === 'n') value = (expect('null'), null);
    else {
      value = new Numeral(take(NUMBER));
      if (!Number.isFinite(value.double)) fail();
    }
    space();
    return value;
  };
  const value = any();
  if (at !== text.length) fail();
  return value;
}

/** An object with exactly these members, read in this order: name -> reader. Otherwise refused under `code`. */
export function exactly(value, readers, code) {
  const fail = () => {
    throw new Refused(code);
  };
  if (!(value instanceof Map) || value.size !== Object.keys(readers).length) fail();
  const out = {};
  for (const [name, read] of Object.entries(readers)) {
    if (!value.has(name)) fail();
    out[name] = read(value.get(name), code);
  }
  return out;
}

const reader = (accepts, convert) => (value, code) => {
  if (!accepts(value)) throw new Refused(code);
  return convert ? convert(value, code) : value;
};

export const text = reader((value) => typeof value === 'string');
export const flag = reader((value) => typeof value === 'boolean');
/** A whole number of so many bits. */
export const whole = (bits) =>
  reader(
    (value) => value instanceof Numeral && value.whole !== null && value.whole < 1n << BigInt(bits),
    (value) => value.whole,
  );
export const double = reader((value) => value instanceof Numeral, (value) => value.double);
export const list = (read) => reader(Array.isArray, (value, code) => value.map((item) => read(item, code)));
export const object = (readers) => (value, code) => exactly(value, readers, code);
export const anyObject = reader((value) => value instanceof Map);
export const nullable = (read) => (value, code) => (value === null ? null : read(value, code));
/** Names of the publisher's own, all with one kind of value. */
export const named = (accepts, read) =>
  reader(
    (value) => value instanceof Map && [...value.keys()].every(accepts),
    (value, code) => new Map([...value].map(([name, item]) => [name, read(item, code)])),
  );
