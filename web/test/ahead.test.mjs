// What is asked for and kept before anybody is checked; and a host that says nothing.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { setTimeout as passed } from "node:timers/promises";
import { day } from "./days.mjs";
import { BEKASI, JAKARTA } from "./home.mjs";
import { hold } from "./scenes.mjs";
import { makeWorld } from "./world.mjs";

let world;
before(async () => {
  world = await makeWorld();
});
after(() => world?.stop());

/** A visitor of a page about some lists. */
async function visit(how = {}, datasets = [JAKARTA]) {
  await world.reset();
  world.proxy.config = { datasets };
  return world.visit(how);
}

const filters = () => world.proxy.made.filter(({ url }) => url.includes("/filter/")).map(({ url }) => url.split("/")[2]);

/** Waits until something is so. */
async function until(holds) {
  for (let waited = 0; !(await holds()); waited += 50) {
    assert.ok(waited < 10_000, `${holds} does not come`);
    await passed(50);
  }
}

test("what is typed online is answered in airplane mode, though nothing was checked before", async () => {
  const visitor = await visit();
  await visitor.keptForLater();
  assert.deepEqual(filters(), [], "who only reads fetches no filter");
  await visitor.type(world.people.missed[0]);
  await until(async () => (await visitor.kept()).some(([where, key]) => where === "database" && key.startsWith("shard")));
  await visitor.context.setOffline(true);
  await visitor.submit();
  await visitor.answered();
  assert.deepEqual(await visitor.levels(), ["not-listed"]);
  assert.ok((await visitor.reads("#results")).includes(`Daftar per\n${day(0, "id")}`));
  assert.deepEqual(filters(), [JAKARTA]);
  const trust = async () => {
    await visitor.page.locator("details.about summary").click();
    return visitor.reads("details.about");
  };
  assert.match(await trust(), /Ini kunjungan pertama: [^]*Bandingkan catatan publik/, "what was pinned while a NIK was typed");
  // And at the next visit.
  await visitor.page.reload();
  await visitor.check(world.people.listed);
  assert.deepEqual(await visitor.levels(), ["maybe"]);
  assert.match(await trust(), /sama dengan yang dipercaya pada kunjungan pertama/);
  assert.deepEqual(visitor.unexpected(), []);
  await visitor.leaves();
});

test("on a device that others use it is answered from memory, and nothing is kept", async () => {
  const visitor = await visit({ path: "/#bersama" });
  await visitor.type(world.people.missed[0]);
  await until(() => world.proxy.made.some(({ url, status }) => url.includes("/filter/") && status === 200));
  await passed(500);
  await visitor.context.setOffline(true);
  await visitor.submit();
  await visitor.answered();
  assert.deepEqual(await visitor.levels(), ["not-listed"]);
  assert.deepEqual(await visitor.kept(), []);
  await visitor.leaves();

  // Before anything is typed, and with no service worker that has the page's files.
  const careful = await visit({ path: "/#bersama" });
  await careful.press("Pengaturan");
  await careful.press("Simpan daftar untuk dipakai luring");
  await careful.page.getByText("Sudah ada di sini.").waitFor();
  await careful.context.setOffline(true);
  await careful.check(world.people.listed);
  assert.deepEqual(await careful.levels(), ["maybe"]);
  assert.deepEqual(await careful.kept(), []);
  assert.deepEqual(careful.unexpected(), []);
  await careful.leaves();
});

test("a list can be kept before a NIK is typed", async () => {
  const visitor = await visit();
  await visitor.keptForLater();
  await visitor.press("Pengaturan");
  await visitor.press("Simpan daftar untuk dipakai luring");
  await visitor.page.getByText(/Sudah ada di sini\. Pemeriksaan jalan juga tanpa jaringan, sampai \d+ \S+ \d{4}/).waitFor();
  assert.deepEqual(filters(), [JAKARTA]);
  await visitor.context.setOffline(true);
  await visitor.page.reload();
  await visitor.check(world.people.missed[0]);
  assert.deepEqual(await visitor.levels(), ["not-listed"]);
  assert.ok((await visitor.reads("#results")).includes("Tidak ada yang dikirim untuk pemeriksaan ini."));
  assert.ok(!world.proxy.made.some(({ method }) => method === "POST"));
  await visitor.leaves();
});

test("it is said when a list cannot be kept, and of what was kept when it was removed", async () => {
  const visitor = await visit();
  await visitor.press("Pengaturan");
  await visitor.context.setOffline(true);
  await visitor.press("Simpan daftar untuk dipakai luring");
  await visitor.page.getByText("Tidak tersimpan: sambungan terputus").waitFor();
  await visitor.context.setOffline(false);
  await visitor.press("Simpan daftar untuk dipakai luring");
  await visitor.page.getByText("Sudah ada di sini.").waitFor();
  await visitor.press("Hapus data di perangkat ini");
  await visitor.page.getByText("Semua sudah dihapus dari perangkat ini.").waitFor();
  assert.equal(await visitor.page.getByText("Sudah ada di sini.").count(), 0);
  assert.deepEqual(await visitor.kept(), []);
  await visitor.leaves();
});

test("of lists that are left out nothing large is asked for, until they are chosen", async () => {
  const visitor = await visit({}, [JAKARTA, BEKASI]);
  const bekasi = visitor.page.getByLabel("Dukungan calon perseorangan, Kota Bekasi 2024");
  await bekasi.uncheck();
  await visitor.type(world.people.missed[0].slice(0, 8));
  await until(() => filters().length > 0);
  await passed(500);
  assert.deepEqual(filters(), [JAKARTA]);
  await bekasi.check();
  await until(() => filters().length > 1);
  assert.deepEqual(filters(), [JAKARTA, BEKASI]);
  await visitor.leaves();
});

test("a host whose network is dead holds nobody up who was here before: what it said then counts", async () => {
  const visitor = await visit();
  await visitor.check(world.people.missed[0]);
  await visitor.keptForLater();
  const { arrived, release } = hold(world.proxy, /^\/config\.json$/);
  await visitor.page.goto(`${visitor.url}/`, { waitUntil: "commit" });
  await arrived;
  await visitor.type(world.people.missed[1]);
  await visitor.submit();
  await visitor.page.getByText("Halaman ini masih disiapkan; pemeriksaan mulai sebentar lagi.").waitFor({ timeout: 2000 });
  await visitor.answered();
  assert.deepEqual(await visitor.levels(), ["not-listed"]);
  assert.equal(await visitor.page.getByText("Halaman ini masih disiapkan").count(), 0);
  release();
  await visitor.leaves();
});

test("what waits to be checked when the screen is emptied is not checked", async () => {
  const visitor = await visit();
  await visitor.keptForLater();
  const { arrived, release } = hold(world.proxy, /^\/config\.json$/);
  await visitor.page.goto(`${visitor.url}/`, { waitUntil: "commit" });
  await arrived;
  await visitor.press("Pengaturan");
  await visitor.type(world.people.missed[1]);
  await visitor.submit();
  await visitor.press("Hapus data di perangkat ini");
  release();
  await visitor.page.getByText("Semua sudah dihapus dari perangkat ini.").waitFor();
  await passed(3500);
  assert.equal(await visitor.page.locator("#results").innerText(), "");
  await visitor.leaves();
});
