// The example that embeds a check into a page, in Chromium, with a worker and IndexedDB, under a strict policy.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { chromium } from "playwright-core";
import { pages } from "./pages.mjs";
import { demo } from "./service.mjs";

let service, site, browser;

before(async () => {
  service = await demo();
  site = await pages(service.url);
  browser = await chromium.launch({
    executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium",
    args: ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-component-update"],
  });
});
after(async () => {
  await browser?.close();
  site?.stop();
  await service?.stop();
});

/** A device that opens the page: what it sent, which workers it had, and what its browser complained of. */
async function opened(url = site.url) {
  const context = await browser.newContext();
  const page = await context.newPage();
  const seen = { requests: [], workers: [], complaints: [] };
  context.on("request", (request) => seen.requests.push(request));
  page.on("worker", (worker) => seen.workers.push(worker.url()));
  page.on("pageerror", (error) => seen.complaints.push(error.message));
  page.on("console", (message) => message.type() === "error" && seen.complaints.push(message.text()));
  await page.goto(url);
  const ask = async (nik) => {
    await page.fill("#nik", nik);
    await page.click("button");
    const shown = page.locator("#jawaban");
    await shown.filter({ hasText: /\(.*\)$/ }).waitFor();
    const text = await shown.textContent();
    await page.evaluate(() => (document.querySelector("#jawaban").textContent = ""));
    return text;
  };
  return { context, page, ask, ...seen };
}

/** Everything in the page's storage, as text. */
const stored = (page) =>
  page.evaluate(async () => {
    const database = await new Promise((resolve) => {
      const opening = indexedDB.open("ceknik");
      opening.onsuccess = () => resolve(opening.result);
    });
    const files = database.transaction("files").objectStore("files");
    const all = (request) => new Promise((resolve) => (request.onsuccess = () => resolve(request.result)));
    const [keys, values] = await Promise.all([all(files.getAllKeys()), all(files.getAll())]);
    const text = (value) =>
      value instanceof Uint8Array ? new TextDecoder("latin1").decode(value) : Object.values(value).map(text).join();
    return {
      keys,
      text: values.map(text).join("\n"),
      cookies: document.cookie,
      local: localStorage.length + sessionStorage.length,
    };
  });

test("the example answers, in a worker, and what it sends holds no NIK", async () => {
  const { page, ask, requests, workers, complaints } = await opened();
  assert.match(await ask(service.listed), /^Tercantum \(\d{4}-\d\d-\d\dT/);
  assert.match(await ask(service.not_listed), /^Tidak tercantum \(/);
  assert.match(await ask(service.false_positive), /^Tidak tercantum \(/);
  assert.deepEqual(complaints, []);
  assert.ok(workers.length >= 3 && workers.every((url) => url === `${site.url}ceknik/worker.js`), String(workers));
  assert.deepEqual(page.workers(), [], "workers are ended, and their memory with them");
  const toService = requests.filter((request) => request.url().startsWith(service.url));
  assert.ok(toService.some((request) => request.method() === "POST"));
  for (const request of requests) {
    const headers = await request.allHeaders();
    const sent = `${request.url()} ${request.postData() ?? ""} ${JSON.stringify(headers)}`;
    for (const nik of [service.listed, service.not_listed, service.false_positive]) {
      assert.ok(!sent.includes(nik) && !sent.includes(nik.slice(0, 12)) && !sent.includes(btoa(nik).slice(0, 20)));
    }
    assert.equal(headers.cookie, undefined);
    if (request.url().startsWith(service.url)) {
      assert.equal(headers.referer, undefined);
    } else {
      assert.ok(request.url().startsWith(site.url), request.url());
    }
  }
  const { keys, text, cookies, local } = await stored(page);
  assert.deepEqual(keys.map(([kind]) => kind).sort(), ["checkpoint", "cover-secret", "list", "policy", "shard"]);
  assert.ok(![service.listed, service.not_listed].some((nik) => text.includes(nik)));
  assert.deepEqual([cookies, local], ["", 0]);
});

test("the example shows one answer at a time, and none beside a NIK that it is not about", async () => {
  const { context, page, ask } = await opened();
  let release;
  const released = new Promise((resolve) => (release = resolve));
  let came;
  const arrived = new Promise((resolve) => (came = resolve));
  await context.route(/\/evaluate$/, async (route) => {
    came();
    await released;
    await route.continue().catch(() => undefined); // It was given up.
  });
  await page.fill("#nik", service.listed);
  await page.click("button");
  await arrived;
  assert.match(await ask(service.not_listed), /^Tidak tercantum \(/);
  release();
  await page.waitForTimeout(500);
  const shown = page.locator("#jawaban");
  assert.equal(await shown.textContent(), "");
  await page.click("button");
  await shown.filter({ hasText: /^Tidak tercantum \(/ }).waitFor();
  await page.fill("#nik", service.listed);
  assert.equal(await shown.textContent(), "");
});

test("with the service gone, what was kept answers", async () => {
  const { context, page, ask, requests } = await opened();
  await ask(service.not_listed);
  await page.reload();
  await context.route(`${service.url}/**`, (route) => route.abort());
  const before = requests.length;
  const options = (settings) =>
    page.evaluate(
      async ([server, listed, settings]) => {
        const { check, indexedDbStorage } = await import("/ceknik/index.js");
        const storage = await indexedDbStorage();
        const { outcomes, trust } = await check({ server, dataset: "demo", niks: [listed], storage, settings });
        return { answer: outcomes[0].answer, basis: trust?.basis };
      },
      [service.url, service.listed, settings],
    );
  const offline = await options({ offline: true });
  assert.deepEqual(offline, { answer: { code: "maybe", because: "offline" }, basis: "pinned_before" });
  assert.ok(requests.slice(before).every((request) => !request.url().startsWith(service.url)));
  const gone = await options({ patienceSeconds: 0 });
  assert.deepEqual(gone.answer, { code: "maybe", because: "unreachable" });
});

test("the storage keeps what is later, draws its secret once, and forgets everything when told", async () => {
  const { page, ask } = await opened();
  await ask(service.not_listed);
  const kept = await page.evaluate(
    async ([server]) => {
      const { indexedDbStorage } = await import("/ceknik/index.js");
      const [one, other] = await Promise.all([indexedDbStorage(), indexedDbStorage()]);
      const decode = (bytes) => new TextDecoder().decode(bytes);
      const encode = (text) => new TextEncoder().encode(text);
      const {
        lists: [list],
        checkpoints: [checkpoint],
        policy,
        coverSecret,
      } = await one.load(server, "demo");
      const log = decode(policy).match(/^log (\S+)/m)[1];
      const later = encode(
        decode(list.manifest)
          .replace('"epoch": 1', '"epoch": 2')
          .replace('"previous": null', `"previous": "${"ab".repeat(32)}"`),
      );
      const larger = encode(decode(checkpoint).replace(/\n1\n/, "\n2\n"));
      // Two pages at once, in either order.
      const lists = [{ ...list, manifest: later }, list];
      await Promise.all(lists.map((list, at) => [one, other][at].store({ item: "list", log, dataset: "demo", list })));
      await Promise.all(
        [checkpoint, larger, checkpoint].map((checkpoint) => other.store({ item: "checkpoint", log, checkpoint })),
      );
      await one.store({ item: "policy", server, policy: encode("log x\n") });
      await one.store({ item: "shard", log, dataset: "demo", sha256: "00", file: encode("x") });
      const shards = [await one.shard("demo", "00"), await one.shard("other", "00")].map((file) => file?.length);
      await one.store({ item: "list", log, dataset: "demo", list });
      shards.push((await one.shard("demo", "00"))?.length);
      const now = await other.load(server, "demo");
      const same = (a, b) => a.length === b.length && a.every((byte, at) => byte === b[at]);
      const found = {
        later: same(now.lists[0].manifest, later),
        larger: same(now.checkpoints[0], larger) && larger.length === checkpoint.length,
        policy: same(now.policy, policy),
        secret: same(now.coverSecret, coverSecret) && coverSecret.length === 32 && !now.coverSecretPasses,
        shards,
        alone: (await one.load(server, "another")).lists.length,
      };
      await one.clear();
      const cleared = await other.load(server, "demo");
      found.cleared = cleared.lists.length + cleared.checkpoints.length + (cleared.policy === undefined ? 0 : 1);
      found.newSecret = !same(cleared.coverSecret, coverSecret);
      return found;
    },
    [service.url],
  );
  assert.deepEqual(kept, {
    later: true,
    larger: true,
    policy: true,
    secret: true,
    shards: [1, null, null].map((n) => n ?? undefined),
    alone: 0,
    cleared: 0,
    newSecret: true,
  });
});

test("where the page's policy allows no worker, it is computed on the page", async () => {
  const strict = await pages(service.url, "'none'");
  try {
    const { page, ask, workers } = await opened(strict.url);
    assert.match(await ask(service.listed), /^Tercantum \(/);
    assert.deepEqual(page.workers(), []);
    assert.deepEqual(workers, []);
  } finally {
    strict.stop();
  }
});

test("a family is computed in several workers at once", async () => {
  const { page, workers } = await opened();
  const told = await page.evaluate(
    async ([server, niks]) => {
      const { check } = await import("/ceknik/index.js");
      const told = [];
      const { outcomes } = await check({ server, dataset: "demo", niks, onProgress: (progress) => told.push(progress) });
      return {
        told: told.filter(({ kind }) => kind === "computing" || kind === "stretched"),
        codes: outcomes.map(({ answer }) => answer.code),
        cores: navigator.hardwareConcurrency,
      };
    },
    [service.url, [service.listed, service.not_listed, service.false_positive]],
  );
  assert.deepEqual(told.codes, ["listed", "not_listed", "not_listed"]);
  const most = Math.min(told.cores, 3);
  const computing = told.told.filter(({ kind }) => kind === "computing");
  assert.deepEqual(computing, [{ kind: "computing", where: "worker", workers: most }]);
  assert.deepEqual(told.told.at(-1), { kind: "stretched", done: 3, of: 3 });
  assert.equal(workers.length, most);
});

test("a worker that was started ahead computes for the next check, and for that one alone", async () => {
  const { page, workers } = await opened();
  const codes = await page.evaluate(
    async ([server, nik]) => {
      const { check, prepareWorker } = await import("/ceknik/index.js");
      await Promise.all([prepareWorker(), prepareWorker()]);
      await prepareWorker();
      const one = async () => (await check({ server, dataset: "demo", niks: [nik] })).outcomes[0].answer.code;
      return [await one(), await one()];
    },
    [service.url, service.listed],
  );
  assert.deepEqual(codes, ["listed", "listed"]);
  assert.equal(workers.length, 2);
  assert.deepEqual(page.workers(), []);
});

test("where no worker may be started, to prepare one does nothing, and the page computes", async () => {
  const strict = await pages(service.url, "'none'");
  try {
    const { page } = await opened(strict.url);
    const told = await page.evaluate(
      async ([server, nik]) => {
        const { check, prepareWorker } = await import("/ceknik/index.js");
        await prepareWorker();
        await new Promise((soon) => setTimeout(soon, 200));
        const told = [];
        const { outcomes } = await check({ server, dataset: "demo", niks: [nik], onProgress: (progress) => told.push(progress) });
        return [outcomes[0].answer.code, told.filter(({ kind }) => kind === "computing").at(-1)?.where];
      },
      [service.url, service.listed],
    );
    assert.deepEqual(told, ["listed", "page"]);
  } finally {
    strict.stop();
  }
});
