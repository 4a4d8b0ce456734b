// Somebody on the way who alters what the real service sends: no answer, with the right code, and never "not listed".
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { BEKASI, JAKARTA, OVER } from "./home.mjs";
import { flip, forged } from "./scenes.mjs";
import { makeWorld } from "./world.mjs";

let world;
before(async () => {
  world = await makeWorld();
});
after(() => world?.stop());

/** Alters JSON, and leaves its spelling. */
const replaced = (from, to) => (bytes) => Buffer.from(bytes.toString().replace(from, to));

for (const [what, match, alter, code, words] of [
  ["the manifest", /\/manifest$/, forged, "log_proof_invalid", "Daftar ini tidak terbukti ada di catatan publik."],
  [
    "the manifest's form",
    /\/manifest$/,
    replaced("ceknik/1", "ceknik/2"),
    "manifest_invalid",
    "Keterangan daftar tidak sah.",
  ],
  ["the manifest, for one of another list", /\/manifest$/, "another", "wrong_dataset", "Layanan memberi daftar yang lain."],
  [
    "the manifest's proof",
    /\/proof$/,
    (bytes) => flip(bytes, 40),
    "log_proof_invalid",
    "Daftar ini tidak terbukti ada di catatan publik.",
  ],
  [
    "the proof, for one of another list",
    /\/proof$/,
    "another",
    "log_proof_invalid",
    "Daftar ini tidak terbukti ada di catatan publik.",
  ],
  [
    "the filter",
    /\/filter\//,
    (bytes) => flip(bytes, -1),
    "filter_digest",
    "Penyaring daftar tidak cocok dengan keterangannya.",
  ],
  ["the filter's length", /\/filter\//, (bytes) => bytes.subarray(0, -1), "filter_length", "Penyaring daftar rusak."],
  [
    "the evaluation's proof",
    /\/evaluate$/,
    replaced(/"proof":"..../, '"proof":"AAAA'),
    "proof_invalid",
    "Bukti dari layanan salah: bukan kunci penerbit yang dipakai.",
  ],
  [
    "the evaluation, for an older one",
    /\/evaluate$/,
    "older",
    "evaluation_foreign",
    "Layanan menjawab pertanyaan yang lain.",
  ],
  [
    "a bucket",
    /\/buckets\//,
    (bytes) => flip(bytes, 5),
    "bucket_root",
    "Bagian daftar yang diterima tidak cocok dengan keterangannya.",
  ],
  [
    "a bucket, for another",
    /\/buckets\//,
    "another",
    "bucket_root",
    "Bagian daftar yang diterima tidak cocok dengan keterangannya.",
  ],
]) {
  test(`who alters ${what} gets no answer out of it`, async () => {
    await world.reset();
    world.proxy.config = { datasets: [JAKARTA] };
    const { proxy, service, people } = world;
    let older = null;
    let altered = 0;
    if (alter === "older") {
      const neighbour = await world.visit({});
      proxy.alter = (url, bytes) => {
        older = match.test(url) ? bytes : older;
      };
      await neighbour.check(people.listed);
      await neighbour.leaves();
    }
    const others = new Map();
    if (alter === "another") {
      proxy.before = async ({ url }) => {
        if (match.test(url)) {
          const last = Number(url.split("/").at(-1));
          const other = url.includes("/buckets/")
            ? url.replace(/\d+$/, String((last + 1) % 16))
            : url.replace(JAKARTA, BEKASI);
          others.set(url, Buffer.from(await (await fetch(service.url + other)).arrayBuffer()));
        }
      };
    }
    proxy.alter = (url, bytes) => {
      if (!match.test(url)) {
        return undefined;
      }
      const other = alter === "another" ? others.get(url) : alter === "older" ? older : alter(bytes);
      altered += Number(!other.equals(bytes));
      return other;
    };
    const visitor = await world.visit({});
    await visitor.check(people.listed);
    assert.ok(altered > 0);
    assert.deepEqual(await visitor.levels(), ["no-answer"]);
    const shown = await visitor.reads("#results");
    for (const said of [
      "BELUM ADA JAWABAN",
      "Ini bukan berarti “tidak tercantum”.",
      words,
      `Kode: ${code}`,
      "laporkan kode di bawah",
    ]) {
      assert.ok(shown.includes(said), `${said} is not in:\n${shown}`);
    }
    assert.doesNotMatch(shown, /TIDAK TERCANTUM|NIK ini tidak tercantum/);
    // Nothing of that mends with time, so that the page does not try again.
    assert.equal(await visitor.page.locator(".retry").count(), 0);
    assert.deepEqual(visitor.unexpected(), []);

    // What was altered was not kept: once nobody is on the way, there is an answer.
    proxy.alter = proxy.before = () => undefined;
    await visitor.press("Periksa lagi");
    await visitor.page.locator('.verdict[data-level="listed"]').waitFor();
    await visitor.leaves();
  });
}

test("a list whose time is over is no answer, whoever gives it", async () => {
  await world.reset();
  world.proxy.config = { datasets: [OVER] };
  const visitor = await world.visit({});
  for (const nik of [world.people.over, world.people.missed[0]]) {
    await visitor.check(nik);
    assert.deepEqual(await visitor.levels(), ["no-answer"]);
    assert.match(await visitor.reads("#results"), /Kode: stale/);
    await visitor.press("Cek NIK lain");
  }
  assert.equal(world.proxy.made.filter(({ method }) => method === "POST").length, 0);
  await visitor.leaves();
});

test("a list that is offered under another policy than the page's is no answer", async () => {
  await world.reset();
  const other = "log cek.example.org/log+516c2a19+Ad9oIzrtqTv/+agIadey7tkjitSztQWl6Ynu1QLMGGOg\nquorum none\n";
  world.proxy.config = { datasets: [JAKARTA], policy: other };
  const visitor = await world.visit({});
  await visitor.check(world.people.listed);
  assert.deepEqual(await visitor.levels(), ["no-answer"]);
  assert.match(await visitor.reads("#results"), /Kode: (policy|log_proof_invalid)/);
  world.proxy.config = { datasets: [JAKARTA], policy: world.policy };
  await visitor.page.reload();
  await visitor.check(world.people.listed);
  assert.match(await visitor.reads("#results details.about").catch(() => ""), /Dari mana jawaban ini dipercaya/);
  await visitor.page.locator("details.about summary").click();
  assert.match(await visitor.reads("#results"), /Kebijakannya ditetapkan oleh pengelola halaman ini\./);
  await visitor.leaves();
});
