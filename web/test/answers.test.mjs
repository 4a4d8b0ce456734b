// What is done with answers: drafts, places to go to, days that are reckoned; a check that is tried again, stopped or read in
// another language while somebody is at something else.
import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
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
async function visit(datasets, how = {}) {
  await world.reset();
  world.proxy.config = { datasets };
  return world.visit(how);
}

/** Lets nothing of a list through until what this gives is called. */
function unreachable(match) {
  world.proxy.before = ({ url }) => {
    if (match.test(url)) {
      throw new Error("gone");
    }
  };
  return () => (world.proxy.before = () => undefined);
}

/** The device's clock goes on until something is there. */
async function until(visitor, selector) {
  for (let waited = 0; waited < 60 && (await visitor.page.locator(selector).count()) === 0; waited += 1) {
    await visitor.page.clock.fastForward(3_000);
    await passed(100);
  }
  await visitor.page.locator(selector).first().waitFor();
}

/** What the draft that is open says, and not the person. */
const draft = async (visitor) => `${await visitor.reads(".report")}\n${await visitor.fields()}`;

test("a draft outlives a check that is tried again by itself, and another language; nothing moves meanwhile", async () => {
  const visitor = await visit([JAKARTA, BEKASI], { clock: true });
  const mend = unreachable(/\/v1\/bekasi-2024\//);
  await visitor.type(world.people.listed);
  await visitor.submit();
  await until(visitor, ".retry");
  assert.deepEqual(await visitor.levels(), ["no-answer", "listed"]);
  await visitor.press("Buat rancangan laporan");
  const fields = visitor.page.locator(".report textarea");
  await fields.first().fill("Siti Aminah");
  await fields.nth(5).focus();
  const place = () =>
    fields.nth(5).evaluate((field) => [field === document.activeElement, field.getBoundingClientRect().top]);
  const before = await place();
  assert.ok(before[0]);
  mend();
  await until(visitor, '.verdict[data-level="not-listed"]');
  assert.deepEqual(await visitor.levels(), ["not-listed", "listed"]);
  const [focused, top] = await place();
  assert.ok(focused, "the field has the focus");
  assert.ok(Math.abs(top - before[1]) <= 1, `the field went from ${before[1]} to ${top}`);
  await visitor.page.keyboard.type("Jalan Melati 1");
  await visitor.turn();
  assert.equal(await fields.first().inputValue(), "Siti Aminah");
  assert.equal(await fields.nth(5).inputValue(), "Jalan Melati 1");
  assert.match(await draft(visitor), /saya tercantum sebagai pendukung Pasangan/);
  await visitor.leaves();
});

test("so it is when it is tried again for cover alone, of which nothing is said", async () => {
  const visitor = await visit([JAKARTA, BEKASI], { clock: true });
  // Of two who are listed, one whom the other list's filter misses.
  for (const nik of [world.people.listed, world.people.another]) {
    unreachable(/bekasi-2024\/evaluate$/);
    await visitor.type(nik);
    await visitor.submit();
    await until(visitor, ".retry");
    if (!(await visitor.levels()).includes("no-answer")) {
      break;
    }
    await visitor.press("Cek NIK lain");
  }
  assert.deepEqual(await visitor.levels(), ["not-listed", "listed"]);
  assert.match(await visitor.reads("#results"), /Pemeriksaan penyamaran ke layanan tidak berhasil/);
  await visitor.press("Buat rancangan laporan");
  const name = visitor.page.locator(".report textarea").first();
  await name.pressSequentially("Siti ");
  world.proxy.before = () => undefined;
  const confirmed = () => world.proxy.made.filter(({ url, status }) => /bekasi.*evaluate/.test(url) && status === 200).length;
  for (let waited = 0; waited < 60 && confirmed() === 0; waited += 1) {
    await visitor.page.clock.fastForward(3_000);
    await passed(100);
  }
  await visitor.page.locator(".retry").waitFor({ state: "detached" });
  assert.equal(confirmed(), 1);
  assert.ok(!(await visitor.reads("#results")).includes("Yang sedang dikerjakan"));
  await visitor.page.keyboard.type("Aminah");
  assert.equal(await name.inputValue(), "Siti Aminah");
  assert.doesNotMatch(await visitor.reads("#results"), /Pemeriksaan penyamaran ke layanan tidak berhasil/);
  await visitor.leaves();
});

test("a check that is tried again by itself leaves the field alone in which another NIK is typed", async () => {
  const visitor = await visit([JAKARTA], { clock: true });
  unreachable(/\/evaluate$/);
  await visitor.type(world.people.listed);
  await visitor.submit();
  await until(visitor, ".retry");
  const field = visitor.page.locator("input.nik");
  await field.fill("");
  await field.pressSequentially("31710117");
  await visitor.page.clock.fastForward(9_000);
  await visitor.page.getByText("Yang sedang dikerjakan").waitFor();
  await visitor.page.keyboard.type("0890");
  await until(visitor, ".retry");
  await visitor.page.keyboard.type("0001");
  assert.equal(await field.inputValue(), "3171 0117 0890 0001");
  await visitor.leaves();
});

test("who tries again by the button is led to what is done and to the answer; who waits at the answer stays", async () => {
  const visitor = await visit([JAKARTA], { clock: true });
  const at = () => visitor.page.evaluate(() => document.activeElement.textContent);
  const fail = () => unreachable(/\/evaluate$/);
  fail();
  await visitor.type(world.people.listed);
  await visitor.submit();
  await until(visitor, ".retry");
  assert.equal(await at(), "BELUM ADA JAWABAN");
  await visitor.page.clock.fastForward(9_000);
  await visitor.page.getByText("Yang sedang dikerjakan").waitFor();
  await until(visitor, ".retry");
  assert.equal(await at(), "BELUM ADA JAWABAN");
  const mend = fail();
  await visitor.press("Coba lagi sekarang");
  assert.equal(await at(), "Yang sedang dikerjakan");
  await until(visitor, ".retry");
  mend();
  await until(visitor, '.verdict[data-level="listed"]');
  assert.equal(await at(), "TERCANTUM");
  await visitor.leaves();
});

test("of a family each who is listed has a draft of her own, in words that fit whoever signs", async () => {
  const visitor = await visit([JAKARTA, BEKASI]);
  const { listed, another, bekasi, missed } = world.people;
  await visitor.check([missed[0], listed, another, bekasi], ["Saya", "Ibu", "Bapak", "Kakak"]);
  const buttons = visitor.page.getByRole("button", { name: /^Buat rancangan laporan/ });
  assert.deepEqual(await buttons.allTextContents(), [
    "Buat rancangan laporan tentang Kakak",
    "Buat rancangan laporan tentang Ibu",
    "Buat rancangan laporan tentang Bapak",
  ]);
  await buttons.nth(1).click();
  const mum = await draft(visitor);
  assert.match(mum, /Tentang: Ibu/);
  assert.match(mum, /Nama orang yang tercantum/);
  assert.equal(mum.match(/ia tercantum sebagai pendukung Pasangan/g)?.length, 1);
  assert.match(mum, /dalam “Dukungan calon perseorangan, DKI Jakarta 2024”/);
  assert.match(mum, /NIK orang tersebut diperiksa/);
  assert.doesNotMatch(mum, /\bsaya\b|Bekasi/);
  await visitor.page.getByLabel("Nama orang yang tercantum").fill("Siti Aminah");
  await buttons.nth(0).click();
  assert.match(await draft(visitor), /Tentang: Kakak[^]*dalam “Dukungan calon perseorangan, Kota Bekasi 2024”/);
  await visitor.page.emulateMedia({ media: "print" });
  await visitor.page.evaluate(() => (document.body.dataset.print = "report"));
  const paper = await visitor.reads();
  assert.equal(paper.match(/Rancangan laporan dugaan pelanggaran pemilihan/g)?.length, 1);
  assert.doesNotMatch(paper, /Kakak|TERCANTUM|Jawaban dari/);
  await visitor.page.evaluate(() => delete document.body.dataset.print);
  await visitor.page.emulateMedia({ media: "screen" });
  await buttons.nth(1).click();
  assert.equal(await visitor.page.getByLabel("Nama orang yang tercantum").inputValue(), "Siti Aminah");
  await visitor.leaves();
});

test("from the table one comes to an answer, and the address stays what it was", async () => {
  const visitor = await visit([JAKARTA], { path: "/#bersama" });
  await visitor.check(world.people.missed.slice(0, 2), ["Ibu", "Bapak"]);
  await visitor.page.locator(".overview td a").nth(1).click();
  assert.equal(new URL(visitor.page.url()).hash, "#bersama");
  assert.match(await visitor.page.evaluate(() => document.activeElement.textContent), /^Bapak\s*TIDAK TERCANTUM/);
  await visitor.leaves();
});

test("a check that is stopped shows what was found, and says of the rest that it was stopped, in any language", async () => {
  const visitor = await visit([BEKASI, JAKARTA]);
  const { arrived, release } = hold(world.proxy, /jakarta-2024\/evaluate$/);
  await visitor.type(world.people.listed);
  await visitor.submit();
  await arrived;
  await visitor.press("Hentikan");
  await visitor.answered();
  assert.deepEqual(await visitor.levels(), ["not-listed", "no-answer"]);
  const stopped = ["Pemeriksaan dihentikan sebelum selesai.", "The check was stopped before it was done."];
  const told = async () => (await visitor.reads("#results")).split(stopped[visitor.say(0, 1)]).length - 1;
  assert.equal(await told(), 1);
  assert.equal(await visitor.page.locator(".retry").count(), 0);
  await visitor.turn();
  assert.equal(await told(), 1);
  assert.deepEqual(await visitor.levels(), ["not-listed", "no-answer"]);
  release();
  await visitor.leaves();
});

test("what was found stays when it is stopped while another list is tried again", async () => {
  const visitor = await visit([JAKARTA, BEKASI], { clock: true });
  unreachable(/\/v1\/bekasi-2024\//);
  await visitor.type(world.people.listed);
  await visitor.submit();
  await until(visitor, ".retry");
  await visitor.press("Coba lagi sekarang");
  await visitor.page.getByText("Yang sedang dikerjakan").waitFor();
  assert.deepEqual(await visitor.levels(), ["no-answer", "listed"], "and stays there meanwhile");
  await visitor.press("Hentikan");
  await visitor.page.getByText("Pemeriksaan dihentikan sebelum selesai.").waitFor();
  assert.deepEqual(await visitor.levels(), ["no-answer", "listed"]);
  assert.equal(await visitor.page.locator(".retry").count(), 0);
  await visitor.leaves();
});

test("all places to go to are shown, or those of a region, which stays chosen in another language", async () => {
  const visitor = await visit([JAKARTA]);
  await visitor.check(world.people.listed);
  const places = () => visitor.reads(".next");
  assert.match(await places(), /KPU Provinsi DKI Jakarta\.[^]*Jakarta Selatan: Datang ke kantor[^]*Jakarta Utara: Datang ke/);
  const region = visitor.page.getByLabel("Wilayah");
  await region.selectOption("Jakarta Selatan");
  const south = await places();
  assert.match(south, /KPU Provinsi DKI Jakarta\.[^]*Jakarta Selatan: Datang ke kantor/);
  assert.doesNotMatch(south, /Jakarta Utara: Datang/);
  await visitor.turn();
  assert.equal(await visitor.page.getByLabel("Region").inputValue(), "Jakarta Selatan");
  assert.match(await places(), /Jakarta Selatan: Go to the election commission/);
  assert.doesNotMatch(await places(), /Jakarta Utara: Go to/);
  await visitor.leaves();
});

test("places of several lists stand under their lists, and a region hides none of a list that has no other", async () => {
  const visitor = await visit([JAKARTA, BEKASI]);
  await visitor.check([world.people.listed, world.people.bekasi]);
  const under = /Kota Bekasi 2024:\s+Bekasi: Datang ke KPU Kota Bekasi\.[^]*DKI Jakarta 2024:\s+Sampaikan tanggapan/;
  assert.match(await visitor.reads(".next"), under);
  await visitor.page.getByLabel("Wilayah").selectOption("Jakarta Selatan");
  assert.match(await visitor.reads(".next"), under);
  await visitor.leaves();
});

test("the deadline is reckoned from when the check ended, on the page, in the calendar, in the draft and on paper", async () => {
  const visitor = await visit([JAKARTA], { clock: true });
  await visitor.check(world.people.listed);
  await visitor.page.clock.fastForward(3 * 86_400_000);
  await visitor.turn();
  const shown = await visitor.reads(".next");
  const wanted = `Report to Bawaslu by ${day(7, "en")}: 7 days from when you found out, ${day(0, "en")}.`;
  assert.ok(shown.includes(`${wanted} If you knew earlier, count from that day.`), shown);
  await visitor.press("Buat rancangan laporan", "Draft a report");
  assert.equal(await visitor.page.getByLabel("Tanggal diketahui").inputValue(), day(0, "id"));
  const written = await visitor.fields();
  assert.equal(written.split(day(0, "id")).length - 1, 4, written);
  assert.ok(!written.includes(day(3, "id")), written);
  const coming = visitor.page.waitForEvent("download");
  await visitor.press("Simpan tenggat ke kalender", "Put the deadline into a calendar");
  const calendar = await readFile(await (await coming).path(), "utf8");
  const starts = [7, 14].map((days) =>
    new Intl.DateTimeFormat("sv", { timeZone: "Asia/Jakarta" })
      .format(Date.now() + days * 86_400_000)
      .replaceAll("-", ""),
  );
  assert.deepEqual([...calendar.matchAll(/DTSTART;VALUE=DATE:(\d+)/g)].map(([, date]) => date), starts);
  await visitor.page.emulateMedia({ media: "print" });
  const paper = await visitor.reads();
  assert.ok(paper.includes(wanted) && paper.includes(`checked ${day(0, "en")}`), paper);
  await visitor.leaves();
});

test("what stays in English on the Indonesian page is marked as English", async () => {
  const visitor = await visit([JAKARTA]);
  world.proxy.config = { datasets: [JAKARTA], policy: "nothing" };
  await visitor.page.reload();
  await visitor.check(world.people.listed);
  const told = visitor.page.locator("#results .quiet[lang=en]");
  assert.match(await told.first().textContent(), /policy/);
  world.proxy.config = { sever: "x" };
  await visitor.page.reload();
  assert.match(await visitor.page.locator("main [role=alert] p[lang=en]").textContent(), /there is no sever/);
  await visitor.leaves();
});
