// The built package against the real service: every answer, and everything that may go wrong on the way to one.
import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { after, before, describe, test } from "node:test";
import * as ceknik from "../dist/index.js";
import * as raw from "../dist/raw.js";
import { demo, forms } from "./service.mjs";

const { check, memoryStorage } = ceknik;
let service;

before(async () => {
  await ceknik.load(await readFile(new URL("../dist/ceknik.wasm", import.meta.url)));
  service = await demo();
});
after(() => service?.stop());

/** Checks one NIK with the service's policy, and gives the report with what was told on the way. */
async function checked(nik, options = {}) {
  const told = [];
  const { url: server, dataset, policy } = service;
  const report = await check({
    server, dataset, policy, niks: [nik], worker: null, onProgress: (progress) => told.push(progress), ...options,
  });
  return { report, told, outcome: report.outcomes[0], answer: report.outcomes[0]?.answer };
}

/** The service, with somebody on the way who may answer in its place, or alter what it answers. */
function between(meddle) {
  const made = [];
  const fetch = async (url, init) => {
    made.push({ url, ...init });
    return (await meddle(new URL(url).pathname, init, made)) ?? globalThis.fetch(url, init);
  };
  return { fetch, made };
}

/** A response of the service with its bytes altered. */
async function altered(path, init, alter) {
  const response = await globalThis.fetch(service.url + path, init);
  const bytes = new Uint8Array(await response.arrayBuffer());
  return new Response(alter(bytes) ?? bytes, { status: response.status });
}

/** Another signature of the same form: one of its letters in the middle is another. */
const otherSignature = (bytes) => {
  const text = Buffer.from(bytes).toString();
  const at = text.trimEnd().length - 30;
  return Buffer.from(text.slice(0, at) + (text[at] === "A" ? "B" : "A") + text.slice(at + 1));
};

const flip = (at) => (bytes) => void (bytes[at < 0 ? bytes.length + at : at] ^= 1);

describe("answers", () => {
  test("listed, with what the list says", async () => {
    const { report, told, answer, outcome } = await checked(service.listed);
    assert.equal(answer.code, "listed");
    assert.equal(outcome.local, "hit");
    assert.equal(outcome.epoch, 1);
    assert.ok(answer.supports.length > 0);
    const { manifest } = report.list;
    for (const { candidate, status } of answer.supports) {
      assert.ok(manifest.candidates[candidate].id && manifest.statuses[status].en);
    }
    assert.equal(manifest.dataset, service.dataset);
    assert.equal(outcome.asOf, manifest.published_at);
    assert.match(report.list.sha256, /^[0-9a-f]{64}$/);
    assert.equal(report.trust.basis, "given");
    assert.ok(service.policy.includes(report.trust.logs[0]));
    const kinds = told.map(({ kind }) => kind);
    for (const kind of ["list", "filter", "computing", "stretched", "local", "evaluated"]) {
      assert.ok(kinds.includes(kind), kind);
    }
    assert.deepEqual(told.find(({ kind }) => kind === "stretched"), { kind: "stretched", done: 1, of: 1 });
    const filter = told.filter(({ kind, of }) => kind === "receiving" && of !== null);
    assert.ok(filter.some(({ bytes, of }) => bytes === of && of === manifest.filter.shards[0].bytes));
  });

  test("not listed", async () => {
    const { answer, outcome } = await checked(service.not_listed);
    assert.deepEqual(answer, { code: "not_listed" });
    assert.equal(outcome.local, "miss");
  });

  test("not listed although the filter hits", async () => {
    const { answer, outcome } = await checked(service.false_positive);
    assert.deepEqual(answer, { code: "not_listed" });
    assert.equal(outcome.local, "hit");
  });

  test("maybe, where the service is never to be contacted", async () => {
    const { answer, report } = await checked(service.listed, { settings: { confirm: "never" } });
    assert.deepEqual(answer, { code: "maybe", because: "local_only" });
    assert.ok(report.requests.every(({ method }) => method === "GET"));
  });

  test("a family in one go, the same twice among them", async () => {
    const niks = [service.not_listed, service.listed, service.false_positive, service.listed];
    const { report, told } = await checked(null, { niks });
    const codes = report.outcomes.map(({ answer }) => answer.code);
    assert.deepEqual(codes, ["not_listed", "listed", "not_listed", "listed"]);
    assert.deepEqual(told.findLast(({ kind }) => kind === "stretched"), { kind: "stretched", done: 3, of: 3 });
  });

  test("without any NIK the list is verified, and its filter kept for those to come", async () => {
    const storage = memoryStorage();
    const { report } = await checked(null, { niks: [], storage });
    assert.deepEqual(report.outcomes, []);
    const [shard] = report.list.manifest.filter.shards;
    assert.equal((await storage.shard(service.dataset, shard.sha256)).length, shard.bytes);
    const { answer } = await checked(service.not_listed, { storage, settings: { offline: true } });
    assert.equal(answer.code, "not_listed");
  });

  test("trust on first use is told, and kept", async () => {
    const storage = memoryStorage();
    const first = await checked(service.not_listed, { policy: undefined, storage });
    assert.equal(first.report.trust.basis, "pinned_now");
    const second = await checked(service.not_listed, { policy: undefined, storage });
    assert.equal(second.report.trust.basis, "pinned_before");
    assert.ok(!second.report.requests.some(({ path }) => path === "/v1/policy"));
  });
});

describe("what leaves the device", () => {
  test("no request, and nothing that is kept, holds the NIK or its stretch", async () => {
    const stretcher = new raw.Stretcher();
    const results = [];
    class Inline {
      postMessage(message) {
        queueMicrotask(() => {
          if (message.module) {
            this.onmessage({ data: { ready: true } });
          } else {
            const result = stretcher.run(message.job);
            results.push(result.slice());
            this.onmessage({ data: { ticket: message.ticket, result } });
          }
        });
      }
      terminate() {}
    }
    const storage = memoryStorage();
    const kept = [];
    const store = storage.store.bind(storage);
    storage.store = (item) => store((kept.push(item), item));
    const { fetch, made } = between(() => undefined);
    const { answer, report } = await checked(service.listed, { storage, fetch, worker: () => new Inline() });
    assert.equal(answer.code, "listed");
    assert.equal(results.length, 1);
    assert.equal(results[0][0], 0);
    const secrets = [service.listed, ...forms(Buffer.from(service.listed)), ...forms(results[0].subarray(1))];
    const sent = made.map(({ url, body, headers }) => `${url} ${body ?? ""} ${JSON.stringify(headers ?? {})}`);
    const held = kept.flatMap((item) => Object.values(item).flatMap((value) => typeof value === "string" ? [value]
      : value instanceof Uint8Array ? forms(value) : Object.values(value).flatMap(forms)));
    for (const text of [...sent, ...held]) {
      assert.ok(!secrets.some((secret) => text.includes(secret)));
    }
    // The list of requests is what was sent, all of it.
    assert.deepEqual(report.requests.map(({ url, body }) => [url, body]), made.map(({ url, body }) => [url, body ?? null]));
    assert.ok(report.requests.every(({ tells, status }) => tells.text && status === 200));
    assert.deepEqual(kept.map(({ item }) => item).sort(), ["checkpoint", "list", "shard"]);
  });

  test("requests carry no cookie, no referrer, and follow nobody", async () => {
    const { fetch, made } = between(() => undefined);
    await checked(service.listed, { fetch });
    const post = made.filter(({ method }) => method === "POST");
    assert.equal(post.length, 1);
    assert.deepEqual(Object.keys(JSON.parse(post[0].body)), ["key", "blinded", "alone"]);
    for (const { credentials, referrerPolicy, redirect, url, cache, headers } of made) {
      assert.deepEqual([credentials, referrerPolicy, redirect], ["omit", "no-referrer", "manual"]);
      assert.equal(cache, "no-store", url);
      assert.deepEqual(headers, url.endsWith("/evaluate") ? { "content-type": "application/json" } : undefined);
    }
  });
});

describe("offline", () => {
  test("what one check left answers the next, without any request", async () => {
    const storage = memoryStorage();
    await checked(service.not_listed, { storage });
    const fetch = () => assert.fail("a request was made");
    const settings = { offline: true };
    const miss = await checked(service.not_listed, { storage, settings, fetch });
    assert.deepEqual(miss.answer, { code: "not_listed" });
    assert.deepEqual(miss.report.requests, []);
    const hit = await checked(service.listed, { storage, settings, fetch });
    assert.deepEqual(hit.answer, { code: "maybe", because: "offline" });
    await storage.clear();
    const cleared = await checked(service.listed, { storage, settings, fetch });
    assert.equal(cleared.answer.reason, "offline");
  });

  test("a service that is gone leaves the list that is kept", async () => {
    const storage = memoryStorage();
    await checked(service.not_listed, { storage });
    const fetch = async () => { throw new TypeError("no network"); };
    const settings = { patienceSeconds: 0 };
    const { answer, outcome } = await checked(service.listed, { storage, fetch, settings });
    assert.deepEqual(answer, { code: "maybe", because: "unreachable" });
    assert.ok(outcome.warnings.some(({ code }) => code === "service_unreachable"));
    const nothing = await checked(service.listed, { fetch, settings });
    assert.equal(nothing.answer.reason, "unreachable");
    assert.equal(nothing.answer.passing, true);
  });

  test("a device that keeps no secret is told what several checks can show", async () => {
    // Whether a coin is tossed is the list's; that of the demo wants one.
    const warned = async (storage) => {
      const { outcome } = await checked(service.listed, { storage });
      return outcome.warnings.some(({ code }) => code === "cover_forgotten");
    };
    assert.equal(await warned(undefined), true);
    assert.equal(await warned(memoryStorage()), true);
    const lasting = memoryStorage();
    const load = lasting.load.bind(lasting);
    lasting.load = async (...asked) => ({ ...(await load(...asked)), coverSecretPasses: false });
    assert.equal(await warned(lasting), false);
  });
});

describe("whoever alters bytes", () => {
  for (const [what, match, alter, reason] of [
    ["the manifest", /\/manifest$/, flip(-2), /^manifest_invalid$/],
    ["the log's signature", /\/proof$/, otherSignature, /^policy$/],
    ["the proof", /\/proof$/, (bytes) => Buffer.from(Buffer.from(bytes).toString().replace("index 0", "index 1")), /^log_proof_invalid$/],
    ["the filter", /\/filter\//, flip(-1), /^filter_digest$/],
    ["the evaluation", /\/evaluate$/, (bytes) => Buffer.from(Buffer.from(bytes).toString().replace(/"proof":"..../, '"proof":"AAAA')), /^proof_invalid$/],
    // The largest bucket has no padding.
    ["a bucket", /\/buckets\//, flip(-1), /^bucket_(padding|root)$/],
    ["a bucket's proof", /\/buckets\//, flip(5), /^bucket_root$/],
  ]) {
    test(`of ${what} gets no answer out of it`, async () => {
      const { fetch } = between((path, init) => (match.test(path) ? altered(path, init, alter) : undefined));
      const { answer } = await checked(service.listed, { fetch });
      assert.equal(answer.code, "no_answer");
      assert.match(answer.reason, reason);
      assert.equal(answer.passing, false);
      assert.ok(answer.text.length > 10);
    });
  }

  test("of a stored shard is noticed, and it is fetched again", async () => {
    const storage = memoryStorage();
    await checked(service.not_listed, { storage });
    const shard = storage.shard.bind(storage);
    storage.shard = async (...asked) => {
      const file = (await shard(...asked)).slice();
      file[file.length - 1] ^= 1;
      return file;
    };
    const { answer, report } = await checked(service.not_listed, { storage });
    assert.equal(answer.code, "not_listed");
    assert.ok(report.requests.some(({ path }) => path.includes("/filter/")));
  });
});

describe("a service in trouble", () => {
  test("is asked again when it says so, with other elements", async () => {
    let refusals = 0;
    const { fetch, made } = between((path) => {
      if (path.endsWith("/evaluate") && refusals++ === 0) {
        return new Response("{}", { status: 429, headers: { "retry-after": "1" } });
      }
    });
    const begun = performance.now();
    const { answer, told } = await checked(service.listed, { fetch });
    assert.equal(answer.code, "listed");
    const waiting = told.find(({ kind }) => kind === "waiting");
    assert.equal(waiting.because.code, "rate_limited");
    assert.ok(waiting.milliseconds >= 1000 && waiting.milliseconds <= 1500);
    assert.ok(performance.now() - begun >= waiting.milliseconds);
    const bodies = made.filter(({ method }) => method === "POST").map(({ body }) => body);
    assert.equal(bodies.length, 2);
    assert.notEqual(bodies[0], bodies[1]);
  });

  test("that asks for more patience than there is gives no answer, with its time", async () => {
    const { fetch } = between((path) =>
      path.endsWith("/evaluate") ? new Response("{}", { status: 503, headers: { "retry-after": "300" } }) : undefined);
    const { answer } = await checked(service.listed, { fetch, settings: { patienceSeconds: 2 } });
    assert.equal(answer.reason, "service_unavailable");
    assert.equal(answer.retryAfter, 300);
    assert.equal(answer.passing, true);
  });

  test("that sends too much is not read further", async () => {
    let sent = 0;
    const endless = () => new ReadableStream({
      pull(controller) {
        sent += 1;
        controller.enqueue(new Uint8Array(16_384));
      },
    });
    const { fetch } = between((path) => (path.endsWith("/manifest") ? new Response(endless()) : undefined));
    const { answer } = await checked(service.listed, { fetch });
    assert.equal(answer.reason, "response_too_long");
    assert.ok(sent < 10, `${sent} chunks`);
  });

  test("that sends too long a refusal is understood by its beginning", async () => {
    const problem = JSON.stringify({ type: "/problems/budget-spent" });
    const { fetch } = between((path) =>
      path.endsWith("/evaluate") ? new Response(problem + " ".repeat(15_000) + " ".repeat(1_000_000), { status: 503 }) : undefined);
    const { answer } = await checked(service.listed, { fetch, settings: { patienceSeconds: 0 } });
    // Of 16 KiB of white space and JSON nothing is wrong.
    assert.equal(answer.reason, "budget_exhausted");
  });

  test("that says nothing is not waited for without end", async () => {
    const { fetch } = between((path, { signal }) =>
      new Promise((_, failed) => signal.addEventListener("abort", () => failed(new DOMException("ended", "AbortError")))));
    const { answer } = await checked(service.listed, { fetch, timeouts: { idle: 50 }, settings: { patienceSeconds: 0 } });
    assert.equal(answer.reason, "timed_out");
  });

  test("that breaks off is told", async () => {
    const broken = () => new ReadableStream({ start: (controller) => controller.error(new Error("reset")) });
    const { fetch } = between((path) => (path.endsWith("/manifest") ? new Response(broken()) : undefined));
    const { answer } = await checked(service.listed, { fetch, settings: { patienceSeconds: 0 } });
    assert.equal(answer.reason, "interrupted");
  });

  test("that sends elsewhere is not followed", async () => {
    const { fetch } = between((path) =>
      path.endsWith("/manifest") ? new Response(null, { status: 307, headers: { location: "https://example.org/" } }) : undefined);
    const { answer } = await checked(service.listed, { fetch });
    assert.equal(answer.reason, "unexpected_status");
  });

  test("whose buckets were compressed on the way is not believed", async () => {
    const { fetch } = between(async (path, init) => {
      if (path.includes("/buckets/")) {
        const response = await globalThis.fetch(service.url + path, init);
        return new Response(await response.arrayBuffer(), { headers: { "content-encoding": "gzip" } });
      }
    });
    const { answer } = await checked(service.listed, { fetch, settings: { patienceSeconds: 0 } });
    assert.equal(answer.reason, "interrupted");
  });
});

describe("cancelling", () => {
  test("ends requests at once, and rejects with the signal's reason", async () => {
    const controller = new AbortController();
    const reason = new Error("no longer wanted");
    let ended = false;
    const { fetch } = between((path, { signal }) => {
      if (path.endsWith("/evaluate")) {
        signal.addEventListener("abort", () => { ended = true; });
        setTimeout(() => controller.abort(reason));
        return new Promise(() => undefined);
      }
    });
    await assert.rejects(checked(service.listed, { fetch, signal: controller.signal }), reason);
    assert.equal(ended, true);
  });

  test("before the beginning makes no request", async () => {
    const fetch = () => assert.fail("a request was made");
    await assert.rejects(checked(service.listed, { fetch, signal: AbortSignal.abort() }), { name: "AbortError" });
  });

  test("ends workers", async () => {
    const controller = new AbortController();
    let terminated = 0;
    class Slow {
      postMessage(message) {
        if (message.module) {
          queueMicrotask(() => this.onmessage({ data: { ready: true } }));
        } else {
          setTimeout(() => controller.abort());
        }
      }
      terminate() { terminated += 1; }
    }
    await assert.rejects(checked(service.listed, { worker: () => new Slow(), signal: controller.signal }), { name: "AbortError" });
    assert.equal(terminated, 1);
  });
});

describe("the slow hash", () => {
  /** A worker that answers a job as it is told to. */
  const worker = (answer) => () => ({
    postMessage(message) {
      queueMicrotask(() => this.onmessage({ data: message.module ? { ready: true } : answer(message) }));
    },
    terminate() {},
  });

  test("without its memory is no answer, and is not made cheaper", async () => {
    const jobs = [];
    const { answer } = await checked(service.listed, {
      worker: worker(({ ticket, job }) => (jobs.push(job.slice()), { ticket, noMemory: true })),
    });
    assert.equal(answer.code, "no_answer");
    assert.equal(answer.reason, "out_of_memory");
    assert.match(answer.text, /not enough memory/);
    assert.equal(new DataView(jobs[0].buffer, jobs[0].byteOffset).getUint32(20), 19_456);
  });

  test("that the module itself cannot find memory for says so", () => {
    const stretcher = new raw.Stretcher();
    const job = new Uint8Array(61).fill(0x31, 4, 20);
    const view = new DataView(job.buffer);
    view.setUint32(20, 262_144);
    view.setUint32(24, 1);
    // Of 4 GiB, 17 times a quarter is not to be had.
    const held = [];
    let result;
    do {
      const next = new raw.Stretcher();
      result = next.run(job.slice());
      held.push(next);
    } while (result[0] === 0 && held.length < 20);
    assert.deepEqual([...result], [1, 0, 4, 0, 0, 0, 0, 0, 1]);
    held.forEach((one) => one.free());
    assert.equal(stretcher.run(new Uint8Array(60)), undefined);
    stretcher.free();
  });

  test("is computed on the page where workers are not to be had", async () => {
    const broken = () => {
      const one = { postMessage() { queueMicrotask(() => one.onerror({ preventDefault() {} })); }, terminate() {} };
      return one;
    };
    for (const maker of [broken, () => { throw new Error("blocked"); }]) {
      const { answer, told } = await checked(service.listed, { worker: maker });
      assert.equal(answer.code, "listed");
      assert.ok(told.some(({ kind, where }) => kind === "computing" && where === "page"));
    }
  });
});

describe("what is not of its form", () => {
  const refused = (options, message) =>
    assert.rejects(checked(service.listed, options), (error) => {
      assert.ok(error instanceof ceknik.CeknikError);
      assert.equal(error.code, "refused");
      assert.match(error.message, message);
      assert.ok(!error.message.includes(service.listed.slice(0, 6)));
      return true;
    });

  test("is refused before anything is sent", async () => {
    const fetch = () => assert.fail("a request was made");
    await refused({ dataset: "Jakarta!", fetch }, /^dataset: /);
    await refused({ settings: { confrim: "never" }, fetch }, /^settings: unknown field `confrim`/);
    await refused({ settings: { confirm: "sometimes" }, fetch }, /^settings: invalid value: expected `never`, /);
    await refused({ niks: [service.listed.slice(1)], fetch }, /^NIK: there are 15 digits; a NIK has 16$/);
    await refused({ niks: [`${service.listed}x`], fetch }, /^NIK: character 17 is neither/);
    await refused({ policy: "log\n", fetch }, /^policy: policy line 1/);
    for (const server of ["example.org", "http://example.org", "https://u:p@example.org", "https://example.org/?q", "https://example.org/#", "ftp://example.org"]) {
      await refused({ server, fetch }, /^server: /);
    }
  });

  test("plain HTTP goes to another machine only when allowed", async () => {
    const { fetch, made } = between(() => { throw new TypeError("no network"); });
    const options = { server: "http://192.0.2.1/x/", allowPlainHttp: true, fetch, settings: { patienceSeconds: 0 } };
    const { answer } = await checked(service.listed, options);
    assert.equal(answer.reason, "unreachable");
    assert.equal(made[0].url, "http://192.0.2.1/x/v1/demo/manifest");
  });

  test("an unknown list is not covered", async () => {
    const { answer } = await checked(service.listed, { dataset: "another" });
    assert.equal(answer.reason, "not_covered");
  });
});

describe("storage", () => {
  const kept = async () => {
    const storage = memoryStorage();
    await checked(service.not_listed, { storage, policy: undefined });
    return storage;
  };

  test("a later list and a larger checkpoint stay, and a policy is not replaced", async () => {
    const storage = await kept();
    const { lists: [list], checkpoints: [checkpoint], policy } = await storage.load(service.url, service.dataset);
    const log = ceknikLog(policy);
    const decode = (bytes) => new TextDecoder().decode(bytes);
    const encode = (text) => new TextEncoder().encode(text);
    const later = encode(decode(list.manifest).replace('"epoch": 1', '"epoch": 2').replace('"previous": null', `"previous": "${"ab".repeat(32)}"`));
    assert.equal(ceknik.keepsList(list, { ...list, manifest: later }), false);
    assert.equal(ceknik.keepsList({ ...list, manifest: later }, list), true);
    await storage.store({ item: "list", log, dataset: service.dataset, list: { ...list, manifest: later } });
    await storage.store({ item: "list", log, dataset: service.dataset, list });
    const larger = encode(decode(checkpoint).replace(/\n1\n/, "\n2\n"));
    assert.notDeepEqual(larger, checkpoint);
    await storage.store({ item: "checkpoint", log, checkpoint: larger });
    await storage.store({ item: "checkpoint", log, checkpoint });
    await storage.store({ item: "policy", server: service.url, policy: encode("log x\n") });
    const now = await storage.load(service.url, service.dataset);
    assert.deepEqual(now.lists, [{ ...list, manifest: later }]);
    assert.deepEqual(now.checkpoints, [larger]);
    assert.deepEqual(now.policy, policy);
  });

  test("shards that the list kept does not name go", async () => {
    const storage = await kept();
    const { lists: [list], policy } = await storage.load(service.url, service.dataset);
    const log = ceknikLog(policy);
    const [named] = ceknik.shardsOf(list.manifest);
    const other = { item: "shard", log, dataset: service.dataset, sha256: "00".repeat(32), file: new Uint8Array(1) };
    await storage.store(other);
    await storage.store({ item: "list", log, dataset: service.dataset, list });
    assert.equal(await storage.shard(service.dataset, other.sha256), undefined);
    assert.ok((await storage.shard(service.dataset, named)).length > 0);
    assert.equal(await storage.shard("another", named), undefined);
  });

  test("that cannot be read ends a check that relies on it, and not one that was given a policy", async () => {
    const storage = { load: async () => { throw new Error("gone"); }, shard: async () => { throw new Error("gone"); }, store: async () => { throw new Error("full"); }, clear: async () => undefined };
    await assert.rejects(checked(service.not_listed, { storage, policy: undefined }), { name: "CeknikError", code: "storage" });
    const { answer, told } = await checked(service.not_listed, { storage });
    assert.equal(answer.code, "not_listed");
    assert.ok(told.filter(({ kind }) => kind === "storage_failed").length >= 3);
  });

  test("whose memory of lists is damaged says so beside the answer", async () => {
    const storage = await kept();
    const load = storage.load.bind(storage);
    storage.load = async (...asked) => ({ ...(await load(...asked)), damaged: true });
    const { outcome } = await checked(service.not_listed, { storage });
    assert.equal(outcome.answer.code, "not_listed");
    assert.ok(outcome.warnings.some(({ code }) => code === "memory_lost"));
  });

  test("a damaged policy is not replaced", async () => {
    const storage = await kept();
    const load = storage.load.bind(storage);
    storage.load = async (...asked) => ({ ...(await load(...asked)), policy: "damaged" });
    const { answer } = await checked(service.not_listed, { storage, policy: undefined });
    assert.equal(answer.reason, "policy_damaged");
  });
});

/** The verifier key of a policy's first log. */
const ceknikLog = (policy) => new TextDecoder().decode(policy).match(/^log (\S+)/m)[1];

describe("a field", () => {
  test("is told of a text what the vectors say", async () => {
    const vectors = JSON.parse(await readFile(new URL("../../../tests/vectors/nik.json", import.meta.url), "utf8"));
    assert.ok(vectors.niks.length >= 80);
    for (const { input, why, expect, digits, warnings, error, position } of vectors.niks) {
      const described = ceknik.describeNik(input);
      if (expect === "ok") {
        assert.equal(described.error, null, why);
        assert.equal(described.digits, digits, why);
        assert.equal(described.missing, 0, why);
        assert.deepEqual(described.warnings.map(({ code }) => code), warnings, why);
        assert.equal(described.facts.district + described.facts.serial, digits.slice(0, 6) + digits.slice(12), why);
      } else {
        assert.equal(described.error.code, error, why);
        assert.equal(described.position, position ?? null, why);
        assert.equal(described.facts, null, why);
      }
    }
  });

  test("decodes, and counts what is missing", () => {
    const { facts } = ceknik.describeNik("3171 0157 0890 0001");
    assert.deepEqual(facts, {
      district: "317101", districtStanding: "current", sex: "female", birthDate: { day: 17, month: 8, years: [1990, 2090] }, serial: "0001",
    });
    const half = ceknik.describeNik("3171.0157");
    assert.deepEqual([half.digits, half.missing, half.error.code], ["31710157", 8, "length"]);
    assert.equal(ceknik.describeNik("31710157089000011").missing, -1);
    assert.equal(ceknik.describeNik("3171x").position, 5);
  });
});

describe("the datasets of a service", () => {
  test("are listed", async () => {
    const [dataset, ...others] = await ceknik.datasets(service.url);
    assert.equal(others.length, 0);
    assert.equal(dataset.id, service.dataset);
    assert.ok(dataset.title.id && dataset.title.en);
    assert.equal(dataset.epoch, 1);
    assert.match(dataset.validUntil, /^\d{4}-/);
  });

  test("are not made up", async () => {
    const unavailable = { name: "CeknikError", code: "unavailable" };
    for (const response of [new Response("{}"), new Response('{"datasets":[{"id":1}]}'), new Response("", { status: 500 })]) {
      await assert.rejects(ceknik.datasets(service.url, { fetch: async () => response }), unavailable);
    }
    await assert.rejects(ceknik.datasets("http://example.org"), { code: "refused" });
  });
});
