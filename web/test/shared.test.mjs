// A device that others use as well, and one that is cleared: what stays, while something is going on, too.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { setTimeout as passed } from "node:timers/promises";
import { JAKARTA } from "./home.mjs";
import { hold } from "./scenes.mjs";
import { makeWorld } from "./world.mjs";

let world;
before(async () => {
  world = await makeWorld();
});
after(() => world?.stop());

/** A visitor with the settings folded out. */
async function visit(how = {}) {
  await world.reset();
  world.proxy.config = { datasets: [JAKARTA] };
  const visitor = await world.visit(how);
  await visitor.press("Pengaturan");
  return visitor;
}

const SHARED = "Perangkat ini dipakai bersama orang lain";
const NO_CONTACT = "Jangan pernah hubungi layanan tentang NIK";

/** Whether something is ticked in the settings. */
async function ticked(visitor, label) {
  await visitor.page.locator("footer .fingerprint code").waitFor();
  const box = visitor.page.getByLabel(label, { exact: true });
  if (!(await box.isVisible())) {
    await visitor.press("Pengaturan");
  }
  return box.isChecked();
}

test("that others use the device stays so when the page is loaded again, or left for “How it works”", async () => {
  const visitor = await visit();
  const { page } = visitor;
  await visitor.tick(SHARED);
  const back = () => page.locator("a.back:visible").click();
  for (const away of [
    () => page.reload(),
    async () => {
      await page.getByRole("link", { name: "Cara kerja dan batasnya" }).click();
      await back();
    },
    async () => {
      await page.getByRole("link", { name: "Cara membandingkan" }).click();
      await page.waitForFunction(() => {
        const heading = document.querySelector('section[lang="id"] .fingerprints');
        return heading !== null && Math.abs(heading.getBoundingClientRect().top) < 40;
      });
      await back();
    },
    () => page.getByRole("link", { name: "Langsung ke isi" }).press("Enter"),
  ]) {
    await away();
    assert.ok(await ticked(visitor, SHARED), `${away}`);
    assert.equal(new URL(page.url()).hash, "#bersama");
  }
  await visitor.check(world.people.missed[0]);
  await passed(300);
  assert.deepEqual(await visitor.kept(), []);
  await visitor.tick(SHARED, SHARED, false);
  await page.reload();
  assert.ok(!(await ticked(visitor, SHARED)));
  assert.equal(new URL(page.url()).hash, "");
  // A bookmark that is opened in the same tab.
  await page.evaluate(() => (globalThis.old = true));
  await page.goto(`${visitor.url}/#bersama`);
  await page.waitForFunction(() => globalThis.old === undefined);
  assert.ok(await ticked(visitor, SHARED));
  await visitor.leaves();
});

test("that the service is never contacted stays so, too", async () => {
  const visitor = await visit();
  await visitor.tick(NO_CONTACT);
  await visitor.page.reload();
  assert.ok(await ticked(visitor, NO_CONTACT));
  await visitor.check(world.people.listed);
  assert.deepEqual(await visitor.levels(), ["maybe"]);
  await visitor.leaves();
});

test("a check that runs when a device goes over to being shared leaves nothing on it", async () => {
  const visitor = await visit();
  const { arrived, release } = hold(world.proxy, /\/filter\//);
  await visitor.type(world.people.missed[0]);
  await visitor.submit();
  await arrived;
  await visitor.tick(SHARED);
  await passed(300);
  release();
  await visitor.answered();
  await passed(300);
  assert.deepEqual(await visitor.levels(), ["not-listed"]);
  assert.deepEqual(await visitor.kept(), []);
  await visitor.leaves();
});

test("neither a check that runs when the device is cleared, nor a list that is being kept, leaves anything on it", async () => {
  for (const begin of [
    async (visitor) => {
      await visitor.type(world.people.missed[0]);
      await visitor.submit();
    },
    (visitor) => visitor.type(world.people.missed[0]),
    (visitor) => visitor.press("Simpan daftar untuk dipakai luring"),
  ]) {
    const visitor = await visit();
    await visitor.keptForLater();
    const { arrived, release } = hold(world.proxy, /\/filter\//);
    await begin(visitor);
    await arrived;
    // A browser that is slow to find what it keeps.
    await visitor.page.evaluate(() => {
      const keys = caches.keys.bind(caches);
      caches.keys = async () => {
        await new Promise((soon) => setTimeout(soon, 1000));
        return keys();
      };
    });
    await visitor.press("Hapus data di perangkat ini");
    await passed(300);
    release();
    await visitor.page.getByText("Semua sudah dihapus dari perangkat ini.").waitFor();
    await passed(500);
    assert.deepEqual(await visitor.kept(), [], `${begin}`);
    await visitor.leaves();
  }
});

test("before a shared screen is emptied it is said, and whoever is there keeps it", async () => {
  const visitor = await visit({ path: "/#bersama", clock: true });
  const { clock } = visitor.page;
  const alert = visitor.page.getByRole("alert");
  await visitor.check(world.people.listed);
  await clock.fastForward(149_000);
  assert.equal(await alert.innerText(), "");
  await clock.fastForward(2_000);
  assert.match(await alert.innerText(), /Layar dikosongkan dalam 30 detik/);
  const { y, height } = await alert.boundingBox();
  assert.ok(y >= 0 && y + height <= 741, `it is at ${y}, wherever somebody reads`);
  // As a screen reader presses it, without a key or a pointer.
  await visitor.page.getByRole("button", { name: "Tetap tampilkan" }).evaluate((button) => button.click());
  assert.equal(await alert.innerText(), "");
  await clock.fastForward(120_000);
  assert.deepEqual(await visitor.levels(), ["listed"]);
  await clock.fastForward(31_000);
  await visitor.page.getByRole("button", { name: "Tetap tampilkan" }).waitFor();
  await clock.fastForward(30_000);
  await visitor.page.getByText("Layar dikosongkan.", { exact: true }).waitFor();
  assert.equal(await alert.innerText(), "");
  assert.deepEqual(await visitor.levels(), []);
  await visitor.leaves();
});
