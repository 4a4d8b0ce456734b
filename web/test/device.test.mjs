// What stays on the device, and what works without a network; and a service that comes back.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { setTimeout as passed } from "node:timers/promises";
import { BEKASI, JAKARTA } from "./home.mjs";
import { hold } from "./scenes.mjs";
import { day } from "./days.mjs";
import { makeWorld } from "./world.mjs";

let world;
before(async () => {
  world = await makeWorld();
});
after(() => world?.stop());

/** A visitor of a page about one list. */
async function visit(how) {
  await world.reset();
  world.proxy.config = { datasets: [JAKARTA] };
  return world.visit(how ?? {});
}

test("in airplane mode after one visit, the page opens and answers, with the list's date", async () => {
  const visitor = await visit();
  await visitor.check(world.people.missed[0]);
  await visitor.keptForLater();
  // The service worker's own requests, which Chromium may still let through, find nothing either.
  const reached = [];
  world.proxy.before = ({ method, url }) => {
    reached.push(`${method} ${url}`);
    throw new Error("there is no network");
  };
  await visitor.context.setOffline(true);
  await visitor.page.reload();
  await visitor.page.locator("footer .fingerprint code").waitFor();
  assert.match(
    await visitor.reads(),
    /Perangkat ini sedang tidak terhubung\. Pemeriksaan memakai daftar yang tersimpan di sini/,
  );
  for (const [nik, level, words] of [
    [world.people.missed[1], "not-listed", `Per ${day(0, "id")}, NIK ini tidak tercantum`],
    [world.people.listed, "maybe", "NIK ini mungkin tercantum; belum pasti."],
  ]) {
    await visitor.check(nik);
    assert.deepEqual(await visitor.levels(), [level]);
    const shown = await visitor.reads("#results");
    assert.ok(shown.includes(words), shown);
    assert.ok(shown.includes(`Daftar per\n${day(0, "id")}`), shown);
    assert.ok(shown.includes("Tidak ada yang dikirim untuk pemeriksaan ini."), shown);
    await visitor.press("Cek NIK lain");
  }
  await visitor.page.getByRole("link", { name: "Cara kerja dan batasnya" }).click();
  await visitor.page.getByText("Sidik").first().waitFor();
  // The browser itself looks for another service worker, sooner or later.
  const sent = reached.filter((one) => !/^GET \/(config\.json|sw\.js)$/.test(one));
  assert.deepEqual(sent, [], "nothing was sent");
  await visitor.leaves();
});

test("in airplane mode a list that has become too old is no answer", async () => {
  const visitor = await visit();
  await visitor.check(world.people.missed[0]);
  await visitor.keptForLater();
  await visitor.context.setOffline(true);
  await visitor.page.clock.setSystemTime(new Date(Date.now() + 8 * 86_400_000));
  await visitor.press("Cek NIK lain");
  await visitor.check(world.people.missed[1]);
  assert.deepEqual(await visitor.levels(), ["no-answer"]);
  assert.match(await visitor.reads("#results"), /Daftar ini sudah terlalu tua untuk dijadikan jawaban[^]*Kode: stale/);
  await visitor.leaves();
});

test("a device that is connected again tries by itself", async () => {
  const visitor = await visit();
  await visitor.keptForLater();
  await visitor.context.setOffline(true);
  await visitor.check(world.people.listed);
  assert.deepEqual(await visitor.levels(), ["no-answer"]);
  await visitor.context.setOffline(false);
  await visitor.page.locator('.verdict[data-level="listed"]').waitFor();
  await visitor.leaves();
});

test("a service that dies in the middle of a check and comes back confirms, with other elements", async () => {
  const visitor = await visit();
  const { arrived, release } = hold(world.proxy, /\/evaluate$/);
  await visitor.type(world.people.listed);
  await visitor.submit();
  await arrived;
  await world.service.stop();
  release();
  await visitor.page.getByText("Mencoba lagi dalam").first().waitFor();
  await world.service.start();
  await visitor.answered();
  assert.deepEqual(await visitor.levels(), ["listed"]);
  // Chromium itself makes a request again whose connection broke off, with the same bytes; the page does not.
  const evaluations = world.proxy.made.filter(({ method }) => method === "POST");
  const elements = new Set(evaluations.map(({ body }) => JSON.parse(body).blinded[0]));
  assert.ok(elements.size >= 2);
  assert.deepEqual(evaluations.map(({ status }) => status).filter(Number), [200]);
  await visitor.leaves();
});

test("a service that is full for a whole minute gives no answer, and is tried again by the page", async () => {
  const visitor = await visit({ clock: true });
  await visitor.keptForLater();
  await world.service.start("--connections", "1");
  const release = await world.service.occupy();
  const refused = () => world.proxy.made.filter(({ status }) => status === 503).length;
  await visitor.type(world.people.listed);
  await visitor.submit();
  await visitor.page.getByText("Layanan sedang ramai. Mencoba lagi dalam").first().waitFor();
  const before = refused();
  // The minute is the device's; what is waited for here is the service alone.
  for (let waited = 0; waited < 90 && (await visitor.page.locator("#results .answers").count()) === 0; waited += 5) {
    await visitor.page.clock.fastForward(5_000);
    await passed(100);
  }
  await visitor.answered();
  assert.ok(refused() > before + 1, `${refused()} after ${before}`);
  assert.deepEqual(await visitor.levels(), ["no-answer"]);
  const shown = await visitor.reads("#results");
  for (const words of [
    "Layanan sedang terganggu.",
    "Ini gangguan sementara",
    "Kode: service_unavailable",
    "Halaman ini mencoba lagi sendiri dalam",
  ]) {
    assert.ok(shown.includes(words), `${words} is not in:\n${shown}`);
  }
  release();
  await world.service.start();
  await visitor.press("Coba lagi sekarang");
  await visitor.page.locator('.verdict[data-level="listed"]').waitFor();
  await visitor.leaves();
});

/** How often a file of the service was asked for. */
const asked = (name) => world.proxy.made.filter(({ url }) => url.endsWith(name)).length;

test("what was asked for ahead is made use of while it is fresh, and asked for anew when somebody types later", async () => {
  const visitor = await visit({ clock: true });
  assert.equal(asked("/manifest"), 1);
  await visitor.type(world.people.missed[0].slice(0, 8));
  assert.equal(asked("/manifest"), 1);
  await visitor.page.clock.fastForward(31_000);
  await visitor.page.locator("input.nik").press("End");
  await visitor.page.locator("input.nik").pressSequentially(world.people.missed[0].slice(8));
  await visitor.submit();
  await visitor.answered();
  assert.equal(asked("/manifest"), 2);
  await visitor.leaves();
});

test("a service that refuses is not asked again with every key", async () => {
  await world.reset();
  world.proxy.config = { datasets: [JAKARTA] };
  world.proxy.before = ({ url }) => {
    if (url.endsWith("/manifest")) {
      throw new Error("gone");
    }
  };
  const visitor = await world.visit({});
  // Chromium itself asks again where a connection broke off.
  await passed(500);
  const before = asked("/manifest");
  assert.ok(before > 0);
  await visitor.type(world.people.missed[0]);
  await passed(500);
  assert.equal(asked("/manifest"), before);
  world.proxy.before = () => undefined;
  await visitor.submit();
  await visitor.answered();
  assert.deepEqual(await visitor.levels(), ["not-listed"]);
  await visitor.leaves();
});

test("what the host says now counts, and not what an earlier visit left", async () => {
  const visitor = await visit();
  await visitor.check(world.people.listed);
  assert.deepEqual(await visitor.levels(), ["listed"]);
  await visitor.keptForLater();
  world.proxy.config = { datasets: [BEKASI] };
  await visitor.page.reload();
  await visitor.check(world.people.listed);
  assert.deepEqual(await visitor.levels(), ["not-listed"]);
  assert.match(await visitor.reads("#results"), /Kota Bekasi 2024/);
  assert.doesNotMatch(await visitor.reads("#results .answers"), /DKI Jakarta 2024/);
  await visitor.leaves();
});

test("“clear this device” removes everything", async () => {
  const visitor = await visit();
  await visitor.press("English");
  visitor.language = "en";
  await visitor.press("Pengaturan", "Settings");
  await visitor.page.getByLabel("Appearance").selectOption("dark");
  await visitor.check(world.people.listed);
  await visitor.keptForLater();
  const kinds = new Set((await visitor.kept()).map(([where]) => where));
  assert.deepEqual(kinds, new Set(["database", "cache", "local"]));
  await visitor.press("Hapus data di perangkat ini", "Clear this device");
  await visitor.page.getByText("Everything was removed from this device.").waitFor();
  assert.deepEqual(await visitor.kept(), []);
  assert.equal(await visitor.page.evaluate(async () => (await navigator.serviceWorker.getRegistrations()).length), 0);
  assert.equal(await visitor.page.locator("#results").innerText(), "");
  assert.equal(await visitor.page.locator("input.nik").inputValue(), "");
  assert.deepEqual(visitor.unexpected(), []);
  await visitor.leaves();
});

test("a device that others use keeps nothing, and its screen is emptied when it is left alone", async () => {
  const visitor = await visit({ path: "/#bersama" });
  await visitor.check(world.people.listed);
  assert.deepEqual(await visitor.levels(), ["listed"]);
  await visitor.press("English");
  await passed(300);
  assert.deepEqual(await visitor.kept(), []);
  assert.equal(await visitor.page.evaluate(async () => (await navigator.serviceWorker.getRegistrations()).length), 0);
  await visitor.leaves();

  const idle = await visit({ path: "/#bersama", clock: true });
  await idle.check(world.people.listed);
  await idle.page.clock.fastForward(3 * 60_000 + 1000);
  await idle.page.getByText("Layar dikosongkan.").waitFor();
  assert.equal(await idle.page.locator("#results").innerText(), "");
  assert.equal(await idle.page.locator("input.nik").inputValue(), "");
  await idle.leaves();
});

test("a device that goes over to being shared forgets what it kept", async () => {
  const visitor = await visit();
  await visitor.check(world.people.listed);
  await visitor.keptForLater();
  await visitor.press("Pengaturan");
  await visitor.tick("Perangkat ini dipakai bersama orang lain");
  await passed(300);
  assert.deepEqual(await visitor.kept(), []);
  await visitor.leaves();
});

test("the field groups, takes what is pasted, and says which sign is none", async () => {
  const visitor = await visit();
  const field = visitor.page.locator("input.nik");
  await visitor.type("317101");
  assert.equal(await field.inputValue(), "3171 01");
  await field.press("Backspace");
  await field.press("Backspace");
  assert.equal(await field.inputValue(), "3171");
  await field.fill("");
  await field.pressSequentially("3171.0117-0890 0001");
  assert.equal(await field.inputValue(), "3171 0117 0890 0001");
  await field.fill("3171O117");
  assert.match(await visitor.reads("form"), /NIK hanya berisi angka\. Periksa tanda ke-5\./);
  assert.equal(await field.getAttribute("aria-invalid"), "true");
  assert.equal(await field.getAttribute("autocomplete"), "off");
  await field.fill("31710117089000012");
  assert.match(await visitor.reads("form"), /Kelebihan 1 angka: NIK hanya 16 angka\./);
  await visitor.leaves();
});

test("who presses the button before the module is there waits for it, and is checked then", async () => {
  await world.reset();
  world.proxy.config = { datasets: [JAKARTA] };
  const { arrived, release } = hold(world.proxy, /\.wasm$/);
  const visitor = await world.visit({ listed: false });
  await arrived;
  await visitor.type(world.people.listed);
  assert.equal(await visitor.page.locator("input.nik").inputValue(), world.people.listed);
  await visitor.submit();
  await visitor.page.getByText("Halaman ini masih disiapkan; pemeriksaan mulai sebentar lagi.").waitFor();
  release();
  await visitor.answered();
  assert.deepEqual(await visitor.levels(), ["listed"]);
  assert.deepEqual(visitor.unexpected(), []);
  await visitor.leaves();
});

test("it is said when English cannot be had", async () => {
  const visitor = await visit({ path: "/#bersama" });
  const english = /\/assets\/en-/;
  await visitor.page.route(english, (route) => route.abort());
  await visitor.page.locator("button.language").click();
  await visitor.page.getByText("English could not be fetched.").waitFor();
  assert.equal(await visitor.page.evaluate(() => document.documentElement.lang), "id");
  await visitor.leaves();
});

test("with the keyboard alone it is checked, and the answer has the focus", async () => {
  const visitor = await visit();
  const { keyboard } = visitor.page;
  await keyboard.press("Tab");
  assert.equal(await visitor.page.evaluate(() => document.activeElement.textContent), "Langsung ke isi");
  await visitor.page.locator("input.nik").focus();
  await keyboard.type(world.people.listed);
  await keyboard.press("Enter");
  await visitor.answered();
  assert.equal(await visitor.page.evaluate(() => document.activeElement.textContent), "TERCANTUM");
  await visitor.leaves();
});

test("the calendar holds the deadline, and no NIK; paper holds none unless that is ticked", async () => {
  const visitor = await visit();
  await visitor.check(world.people.listed);
  const coming = visitor.page.waitForEvent("download");
  await visitor.press("Simpan tenggat ke kalender");
  const chunks = [];
  for await (const chunk of await (await coming).createReadStream()) {
    chunks.push(chunk);
  }
  const calendar = Buffer.concat(chunks).toString();
  const date = (days) =>
    new Intl.DateTimeFormat("sv", { timeZone: "Asia/Jakarta" }).format(Date.now() + days * 86_400_000).replaceAll("-", "");
  assert.match(calendar, /^BEGIN:VCALENDAR\r\n/);
  assert.ok(calendar.includes(`DTSTART;VALUE=DATE:${date(7)}\r\n`), calendar);
  assert.ok(calendar.includes(`DTSTART;VALUE=DATE:${date(14)}\r\n`), calendar);
  assert.doesNotMatch(calendar.replace(/UID:.*/g, ""), /\d{16}/);
  assert.ok(!calendar.includes(world.people.listed));

  await visitor.page.emulateMedia({ media: "print" });
  const grouped = world.people.listed.replace(/(.{4})(?=.)/g, "$1 ");
  const paper = await visitor.reads();
  assert.ok(paper.includes("TERCANTUM") && paper.includes("NIK: ____ ____ ____ ____"), paper);
  assert.ok(!paper.includes(grouped) && !paper.includes(world.people.listed), paper);
  await visitor.page.emulateMedia({ media: "screen" });
  await visitor.tick("Cantumkan NIK lengkap pada cetakan");
  await visitor.page.emulateMedia({ media: "print" });
  assert.ok((await visitor.reads()).includes(`NIK: ${grouped}`));
  await visitor.leaves();
});
