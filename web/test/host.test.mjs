// The page on a host that is not the service's, below a path, as docs/operations.md says: its config.json, its headers; beside
// another copy of it, and in two tabs when a new version comes.
import assert from "node:assert/strict";
import { once } from "node:events";
import { readFile } from "node:fs/promises";
import { createServer } from "node:http";
import { after, before, test } from "node:test";
import { extname } from "node:path";
import { JAKARTA } from "./home.mjs";
import { Visitor } from "./visitor.mjs";
import { makeWorld } from "./world.mjs";

const TYPES = {
  ".html": "text/html",
  ".js": "text/javascript",
  ".css": "text/css",
  ".svg": "image/svg+xml",
  ".wasm": "application/wasm",
};
const PATH = "/cek/";
/** Of another page, on the same host. */
const OTHER = "/lain/";

let world, host, documented;
/** What a new version appends to the service worker. */
let newer = "";
before(async () => {
  world = await makeWorld();
  documented = await readFile(new URL("../../docs/operations.md", import.meta.url), "utf8");
  host = createServer(async ({ url }, answer) => {
    const file = new URL(url, "http://x").pathname.replace(/^\/(cek|lain)\//, "") || "index.html";
    try {
      let body = file === "config.json" ? config() : await readFile(new URL(`../dist/${file}`, import.meta.url));
      if (file === "sw.js") {
        body += newer;
      }
      answer.writeHead(200, { "content-type": TYPES[extname(file)] ?? "application/octet-stream", ...headers() });
      answer.end(body);
    } catch {
      answer.writeHead(404).end();
    }
  });
  host.listen(0, "127.0.0.1");
  await once(host, "listening");
});
after(async () => {
  host?.closeAllConnections();
  host?.close();
  await world?.stop();
});

/** The sample of the document, with the addresses and the policy of this test. */
function config() {
  const sample = JSON.parse(/^ *(\{"server": .*\})$/m.exec(documented)[1]);
  assert.deepEqual(Object.keys(sample), ["server", "policy", "datasets"]);
  return JSON.stringify({ ...sample, server: world.service.url, policy: world.policy, datasets: [JAKARTA] });
}

/** The headers of the document, with the address of this test's service. */
function headers() {
  const lines = [...documented.matchAll(/^ {7}([A-Z][A-Za-z-]+): (.*)$/gm)];
  return Object.fromEntries(
    lines.map(([, name, value]) => [name.toLowerCase(), value.replace("https://cek.example.org", world.service.url)]),
  );
}

test("a page on another host checks, under that host's policy and the headers that are recommended", async () => {
  const url = `http://127.0.0.1:${host.address().port}`;
  await world.reset("--allow-origin", url);
  assert.deepEqual(Object.keys(headers()).sort(), [
    "content-security-policy",
    "cross-origin-opener-policy",
    "permissions-policy",
    "referrer-policy",
    "strict-transport-security",
    "x-content-type-options",
  ]);
  const visitor = await Visitor.arrives(world.browser, url, { path: PATH });
  await visitor.check(world.people.listed);
  assert.deepEqual(await visitor.levels(), ["listed"]);
  await visitor.page.locator("details.about summary").click();
  assert.match(await visitor.reads("#results"), /Kebijakannya ditetapkan oleh pengelola halaman ini\./);
  // Everything of the page is there without a network, too.
  await visitor.keptForLater();
  await visitor.context.setOffline(true);
  await visitor.page.reload();
  await visitor.check(world.people.missed[0]);
  assert.deepEqual(await visitor.levels(), ["not-listed"]);
  assert.deepEqual(visitor.unexpected(), []);
  await visitor.leaves();
});

test("a page on a host that the service does not let evaluate gives no answer about who may be listed", async () => {
  const url = `http://127.0.0.1:${host.address().port}`;
  await world.reset("--allow-origin", "https://another.example");
  const visitor = await Visitor.arrives(world.browser, url, { path: PATH, clock: true });
  await visitor.type(world.people.listed);
  await visitor.submit();
  for (let waited = 0; waited < 90 && (await visitor.page.locator("#results .answers").count()) === 0; waited += 5) {
    await visitor.page.clock.fastForward(5_000);
    await new Promise((soon) => setTimeout(soon, 100));
  }
  await visitor.answered();
  assert.deepEqual(await visitor.levels(), ["no-answer"]);
  assert.match(await visitor.reads("#results"), /Layanan tidak dapat dihubungi\.[^]*Kode: unreachable/);
  await visitor.leaves();
});

test("two pages on one host leave each other's files alone, also when one is cleared", async () => {
  const url = `http://127.0.0.1:${host.address().port}`;
  await world.reset("--allow-origin", url);
  const visitor = await Visitor.arrives(world.browser, url, { path: PATH });
  await visitor.check(world.people.missed[0]);
  await visitor.keptForLater();
  await visitor.page.goto(url + OTHER);
  await visitor.check(world.people.missed[0]);
  await visitor.keptForLater();
  await visitor.press("Pengaturan");
  await visitor.press("Hapus data di perangkat ini");
  await visitor.page.getByText("Semua sudah dihapus dari perangkat ini.").waitFor();
  await visitor.context.setOffline(true);
  await visitor.page.goto(url + PATH);
  await visitor.check(world.people.missed[1]);
  assert.deepEqual(await visitor.levels(), ["not-listed"]);
  await visitor.leaves();
});

test("a new version that one tab has taken is loaded by another, too", async () => {
  const url = `http://127.0.0.1:${host.address().port}`;
  await world.reset("--allow-origin", url);
  const visitor = await Visitor.arrives(world.browser, url, { path: PATH });
  await visitor.keptForLater();
  const tabs = [visitor.page];
  // One that knows of the new version before the first takes it, and one that is not told of it.
  for (let more = 0; more < 2; more += 1) {
    const page = await visitor.context.newPage();
    await page.goto(url + PATH);
    await page.locator("footer .fingerprint code").waitFor();
    tabs.push(page);
  }
  newer = "\n";
  try {
    await tabs[0].evaluate(async () => (await navigator.serviceWorker.getRegistration()).update());
    for (const tab of tabs) {
      const reload = tab.getByRole("button", { name: "Muat ulang" });
      await reload.waitFor();
      await tab.evaluate(() => (globalThis.old = true));
      await reload.click();
      await tab.waitForFunction(() => globalThis.old === undefined);
      await tab.locator("footer .fingerprint code").waitFor();
      assert.equal(await reload.count(), 0);
    }
  } finally {
    newer = "";
  }
  await visitor.leaves();
});
