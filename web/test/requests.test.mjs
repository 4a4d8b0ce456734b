// What leaves the device, seen by the browser and by a recorder before the service: no NIK and nothing derived from one but
// blinded elements and bucket numbers; and what stays on the device.
import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { after, before, test } from "node:test";
import { forms } from "../../crates/wasm/test/service.mjs";
import { derived } from "./derived.mjs";
import { JAKARTA } from "./home.mjs";
import { makeWorld } from "./world.mjs";

let world;
before(async () => {
  world = await makeWorld();
});
after(() => world?.stop());

const derivedFrom = async (nik) => derived(nik, await world.manifest(JAKARTA), world.evaluationKey(JAKARTA));

/** Whatever a NIK might be recognised by, in every form in which it may stand in a text. */
async function traces(nik) {
  const parts = [nik, nik.slice(0, 12), nik.slice(6, 12), nik.replace(/(.{4})(?=.)/g, "$1 "), [...nik].reverse().join("")];
  const hashes = ["md5", "sha1", "sha256", "sha512"].map((name) => createHash(name).update(nik).digest());
  const texts = parts
    .filter((part) => part.length > 6)
    .flatMap((part) => forms(Buffer.from(part)).map((form) => form.replace(/=+$/, "")));
  const { secrets } = await derivedFrom(nik);
  const bytes = [...hashes, ...secrets].flatMap((value) => forms(value));
  // As a number, which is shorter in hex and may stand anywhere.
  const number = [BigInt(nik).toString(16), BigInt(nik).toString(36)];
  return [...texts, ...bytes.map((form) => form.replace(/=+$/, "")), ...number];
}

test("requests hold nothing of a NIK but blinded elements and a bucket's number", async () => {
  await world.reset();
  world.proxy.config = { datasets: [JAKARTA] };
  const { listed, missed, hit } = world.people;
  const niks = [listed, missed[0], hit, missed[1]];
  const visitor = await world.visit({});
  const told = [];
  // The panel tells every request since the one before, with the same bytes: those that were made before the button, too.
  const compare = async () => {
    const all = world.proxy.made.filter(({ url }) => /^\/(v1|log)\//.test(url));
    const since = all
      .slice(told.length)
      .map(({ method, url, body }) => [method, world.proxy.url + url, ...(method === "POST" ? [body.toString()] : [])]);
    const shown = await visitor.page
      .locator("#requests li")
      .evaluateAll((lines) =>
        lines.map((line) => [
          line.querySelector("summary b").textContent,
          ...[...line.querySelectorAll("pre")].map((one) => one.textContent),
        ]),
      );
    assert.deepEqual(shown.sort(), since.sort());
    told.push(...shown);
    return shown.map(([, url]) => url.slice(world.proxy.url.length));
  };
  await visitor.check(niks);
  const first = await compare();
  for (const early of [
    "/v1/datasets",
    "/v1/status",
    "/v1/policy",
    "/v1/jakarta-2024/manifest",
    "/v1/jakarta-2024/epochs/1/proof",
  ]) {
    assert.equal(first.filter((url) => url === early).length, 1, `${early} in ${first}`);
  }
  assert.equal(first.filter((url) => url.includes("/filter/")).length, 1, String(first));
  // Why each was made before the button was pressed.
  const why = async (file) => (await visitor.page.locator("#requests li").filter({ hasText: file }).innerText()).split("\n").at(-1);
  assert.equal(await why(/manifest/), "Berkas yang sama untuk semua orang; diminta karena halaman ini dibuka.");
  assert.equal(
    await why(/filter/),
    "Berkas yang sama untuk semua orang; diminta sejak NIK mulai diketik atau daftar disimpan, sebelum tombol ditekan.",
  );
  await visitor.press("Cek NIK lain");
  await visitor.check(listed);
  assert.deepEqual(await visitor.levels(), ["listed"]);
  const second = await compare();
  assert.ok(!second.some((url) => url.includes("/filter/")), String(second));
  await visitor.keptForLater();

  const wanted = (await Promise.all(niks.map(traces))).flat();
  assert.ok(wanted.length > 100);
  const { made } = world.proxy;
  for (const { method, url, raw, body } of made) {
    const sent = `${method} ${url}\n${raw}\n${body.toString("latin1")}`.toLowerCase();
    for (const trace of wanted) {
      assert.ok(!sent.includes(trace.toLowerCase()), `${method} ${url} holds a trace of a NIK`);
    }
    assert.ok(!/^cookie$/im.test(raw), `${url} has a cookie`);
  }
  // And nothing but these requests is there, of one form each.
  const forms_ = [
    /^GET \/(index\.html|cara-kerja\.html|config\.json|SHA256SUMS|sw\.js|icon\.svg|noscript\.css|assets\/[\w.-]+)?$/,
    /^GET \/v1\/(datasets|status|policy)$/,
    /^GET \/v1\/jakarta-2024\/(manifest|epochs\/1\/proof|filter\/[0-9a-f]{64})$/,
    /^GET \/log\/(checkpoint|tile\/[\w./]+)$/,
    /^POST \/v1\/jakarta-2024\/evaluate$/,
    /^GET \/v1\/jakarta-2024\/epochs\/1\/buckets\/(\d|1[0-5])$/,
  ];
  for (const { method, url, body } of made) {
    assert.ok(
      forms_.some((form) => form.test(`${method} ${url}`)),
      `${method} ${url}`,
    );
    if (method === "GET") {
      assert.equal(body.length, 0, url);
    }
  }
  const evaluations = made.filter(({ method }) => method === "POST");
  assert.equal(evaluations.length, 2);
  const { oprf } = await world.manifest(JAKARTA);
  const elements = evaluations.flatMap(({ body }) => {
    const { key, blinded, alone, ...others } = JSON.parse(body);
    assert.deepEqual([key, typeof alone, others], [oprf.public_key, "boolean", {}]);
    assert.ok(blinded.every((element) => /^[A-Za-z0-9_-]{43}$/.test(element)));
    return blinded;
  });
  assert.equal(new Set(elements).size, elements.length, "no element is sent twice, though a NIK was checked twice");

  // The browser made no other request: not to this host, and to no other.
  const own = new Set(made.map(({ method, url }) => `${method} ${world.proxy.url}${url}`));
  for (const request of visitor.requests) {
    const asked = `${request.method()} ${request.url().replace(/#.*/, "")}`;
    assert.ok(own.has(asked) || request.url().startsWith("blob:"), asked);
  }

  const kept = await visitor.kept();
  assert.deepEqual(await visitor.context.cookies(), []);
  assert.ok(kept.some(([where]) => where === "database") && kept.some(([where]) => where === "cache"));
  for (const [where, key, value] of kept) {
    assert.ok(["database", "cache"].includes(where), `${where} ${key}`);
    for (const trace of wanted) {
      assert.ok(!key.includes(trace) && !value.includes(trace), `${where} ${key} holds a trace of a NIK`);
    }
  }
  await visitor.leaves();
});

test("a check of one person asks for the one bucket in which its record would lie", async () => {
  await world.reset();
  world.proxy.config = { datasets: [JAKARTA] };
  const visitor = await world.visit({});
  await visitor.check(world.people.hit);
  const buckets = world.proxy.made.filter(({ url }) => url.includes("/buckets/"));
  // That also shows that what is looked for above is what the protocol derives.
  const { bucket } = await derivedFrom(world.people.hit);
  assert.deepEqual(
    buckets.map(({ url }) => url),
    [`/v1/${JAKARTA}/epochs/1/buckets/${bucket}`],
  );
  assert.deepEqual(await visitor.levels(), ["not-listed"]);
  await visitor.leaves();
});

test("the policy of the page is the service's header, and allows no inline script or style", async () => {
  await world.reset();
  const visitor = await world.visit({});
  for (const path of ["/", "/cara-kerja.html", "/sw.js"]) {
    const { headers } = await fetch(world.service.url + path);
    const policy = headers.get("content-security-policy");
    assert.match(policy, /^default-src 'none'; script-src 'self' 'wasm-unsafe-eval'; style-src 'self';/);
    assert.match(policy, /connect-src 'self';/);
    assert.match(policy, /frame-ancestors 'none'/);
    assert.doesNotMatch(policy, /unsafe-inline|'unsafe-eval'|\*/);
    assert.equal(headers.get("set-cookie"), null);
  }
  const blocked = await visitor.page.evaluate(async () => {
    const told = new Promise((resolve) =>
      document.addEventListener("securitypolicyviolation", ({ violatedDirective, disposition }) =>
        resolve([violatedDirective, disposition]),
      ),
    );
    const script = document.createElement("script");
    script.textContent = "window.ran = true";
    document.head.append(script);
    return [...(await told), window.ran === true];
  });
  assert.deepEqual(blocked, ["script-src-elem", "enforce", false]);
  const away = await visitor.page.evaluate(() =>
    fetch("https://example.org/").then(
      () => "went",
      () => "kept",
    ),
  );
  assert.equal(away, "kept");
  await visitor.leaves();
});
