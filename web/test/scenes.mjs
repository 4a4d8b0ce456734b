// Every state of the page: how somebody comes to it, and what it then says, in both languages. The tests read them, and the
// pictures in docs/page are taken of them.
import { setTimeout as passed } from "node:timers/promises";
import { BEKASI, JAKARTA, OVER } from "./home.mjs";

/** A sound NIK of nobody, and ones that a slip makes. */
const SOUND = "3171011708900001";
const ODD = "1000999999990000";
const FAMILY = [
  ["Ibu", "Bapak", "Kakak", "Nenek"],
  ["Mum", "Dad", "Sister", "Grandmother"],
];

/** Said where it was not the service that answered. */
const FILTER_ANSWERED = [
  "Yang menjawab ialah penyaring di perangkat ini, bukan layanan.",
  "The filter on this device answered, and not the service.",
];

const one = { datasets: [JAKARTA] };
/** As few evaluations as the service takes, the next of them in three minutes or in ten seconds. */
const LONG_WAIT = ["--network-burst", "16", "--network-per-hour", "20"];
const SHORT_WAIT = ["--network-burst", "16", "--network-per-hour", "360"];

/** Holds requests for a path back until what this gives is called. */
export function hold(proxy, match) {
  let release;
  const released = new Promise((resolve) => (release = resolve));
  let came;
  const arrived = new Promise((resolve) => (came = resolve));
  proxy.before = async ({ url }) => {
    if (match.test(url)) {
      came();
      await released;
    }
  };
  return { arrived, release };
}

export const flip = (bytes, at) => {
  const other = Buffer.from(bytes);
  other[at < 0 ? other.length + at : at] ^= 1;
  return other;
};

/** Takes all evaluations that the service has for this network now: a neighbour's request, made until it is refused. */
async function takeEvaluations(world, visit) {
  const neighbour = await visit({});
  await neighbour.check(world.people.listed);
  await neighbour.leaves();
  const { url, body } = world.proxy.made.find(({ method }) => method === "POST");
  for (let asked = 0; asked < 20; asked += 1) {
    const { status } = await fetch(world.service.url + url, {
      method: "POST",
      body,
      headers: { "content-type": "application/json" },
    });
    if (status === 429) {
      return;
    }
  }
  throw new Error("the service refuses nobody");
}

/**
 * `arrive` brings a visitor, whom `visit` gives, to the state. `says`: what stands on the screen, Indonesian and English;
 * `never`: what must not. `inSight`: what is seen without scrolling. `levels`: the answers. `about`: the line under the picture.
 * `flags`: of the service. `untouched`: a state that is over with the next touch.
 */
export const scenes = [
  {
    name: "form",
    about: "The form, before anything is typed.",
    says: [
      ["NIK Anda tidak meninggalkan perangkat ini.", "Your NIK does not leave this device."],
      ["NIK (16 angka di KTP atau Kartu Keluarga)", "NIK (16 digits on your identity card or family card)"],
      ["Contoh: 3171 0117 0890 0001", "Example: 3171 0117 0890 0001"],
      [/DKI Jakarta 2024: terbitan ke-1, berlaku sampai \d/, /Jakarta 2024: edition 1, valid until \d/],
      ["Layanan sedang lengang.", "The service is not busy."],
      [/Sidik halaman ini: [0-9a-f]{64}/, /Fingerprint of this page: [0-9a-f]{64}/],
    ],
    arrive: ({ visit }) => visit({}),
  },
  {
    name: "typing",
    about: "While digits are typed: they are grouped, and it is said how many are missing.",
    says: [["Kurang 8 angka lagi.", "8 digits to go."]],
    arrive: async ({ visit }) => {
      const visitor = await visit({});
      await visitor.type(SOUND.slice(0, 8));
      return visitor;
    },
  },
  {
    name: "decoded",
    about: "A whole NIK, with what it says: district, birth date, sex.",
    says: [
      ["Menurut NIK ini:", "This NIK says:"],
      [/Kecamatan Gambir \(kode 317101\), .*Jakarta/, /district Gambir \(code 317101\), .*Jakarta/],
      ["lahir 17 Agustus 1990", "born 17 August 1990"],
      ["laki-laki", "male"],
      [
        "Bila tidak cocok dengan KTP, periksa lagi angkanya.",
        "If that is not what the card says, look at the digits again.",
      ],
    ],
    arrive: async ({ visit }) => {
      const visitor = await visit({});
      await visitor.type(SOUND);
      await visitor.page.locator(".says li").first().waitFor();
      return visitor;
    },
  },
  {
    name: "invalid",
    about: "Twelve digits, and “Check now”: what is missing, at the field.",
    says: [
      [
        "NIK harus 16 angka. Anda baru memasukkan 12; kurang 4 lagi.",
        "A NIK has 16 digits. You have entered 12; 4 missing.",
      ],
    ],
    arrive: async ({ visit }) => {
      const visitor = await visit({});
      await visitor.type(SOUND.slice(0, 12));
      await visitor.submit();
      return visitor;
    },
  },
  {
    name: "warnings",
    about: "A NIK that is odd in three ways: each is said, and none keeps from checking.",
    says: [
      ["Tanggal lahir di dalam NIK ini tidak lazim.", "The birth date in this NIK is unusual."],
      ["Kode wilayah di dalam NIK ini tidak dikenal saat ini.", "The district code in this NIK is of no district of today."],
      ["Nomor urut 0000 tidak pernah diberikan.", "The serial number 0000 is never given out."],
      ["lanjutkan saja", "go on"],
    ],
    arrive: async ({ visit }) => {
      const visitor = await visit({});
      await visitor.type(ODD);
      await visitor.page.locator(".says .warning").first().waitFor();
      return visitor;
    },
  },
  {
    name: "settings",
    about: "The settings, folded out.",
    says: [
      ["Jangan pernah hubungi layanan tentang NIK", "Never contact the service about a NIK"],
      ["Perangkat ini dipakai bersama orang lain", "Others use this device too"],
      ["Hapus data di perangkat ini", "Clear this device"],
      ["Simpan daftar untuk dipakai luring", "Keep the list for use offline"],
      ["supaya pemeriksaan jalan juga tanpa jaringan", "so that checks work without a network, too"],
      ["NIK dan jawaban tidak pernah disimpan.", "NIKs and answers are never kept."],
    ],
    arrive: async ({ visit }) => {
      const visitor = await visit({});
      await visitor.press("Pengaturan", "Settings");
      return visitor;
    },
  },
  {
    name: "kept",
    about: "A list that was kept before any NIK was typed, and until when it works without a network.",
    config: one,
    says: [
      [
        /Sudah ada di sini\. Pemeriksaan jalan juga tanpa jaringan, sampai \d+ \S+ \d{4}/,
        /It is here\. Checks work without a network, too, until \d+ \S+ \d{4}/,
      ],
    ],
    arrive: async ({ visit }) => {
      const visitor = await visit({});
      await visitor.press("Pengaturan", "Settings");
      await visitor.press("Simpan daftar untuk dipakai luring", "Keep the list for use offline");
      await visitor.page.getByText(visitor.say("Sudah ada di sini.", "It is here.")).waitFor();
      return visitor;
    },
    picture: ".settings",
  },
  {
    name: "steps-list",
    about: "The steps, while the list's filter is on its way.",
    config: one,
    says: [
      ["Yang sedang dikerjakan", "What is being done"],
      [/Daftar per \d+ \S+ \d{4} .*\(sedang dikerjakan\)/, /List as of \d+ \S+ \d{4} .*\(in progress\)/],
      ["Memastikan dengan layanan (menunggu)", "Confirming with the service (waiting)"],
      ["Jangan tutup halaman ini.", "Do not close this page."],
    ],
    arrive: async ({ world, visit }) => {
      const visitor = await visit({});
      const { arrived, release } = hold(world.proxy, /\/filter\//);
      visitor.release = release;
      await visitor.type(world.people.listed);
      await visitor.submit();
      await arrived;
      return visitor;
    },
  },
  {
    name: "steps-confirm",
    about: "The steps, while the service confirms; below, what left the device so far.",
    config: one,
    says: [
      // Its filter came while the NIK was typed, and was kept by now, or is the check's.
      [
        /Daftar per \d+ \S+ \d{4}( \(.*\)|, sudah ada di perangkat ini) \(selesai\)/,
        /List as of \d+ \S+ \d{4}( \(.*\)|, already on this device) \(done\)/,
      ],
      ["Sudah dihitung di perangkat ini (selesai)", "Computed on this device (done)"],
      ["Penyaring menjawab “mungkin”; belum pasti (selesai)", "The filter says “maybe”; not certain yet (done)"],
      ["Memastikan dengan layanan (sedang dikerjakan)", "Confirming with the service (in progress)"],
      [/\d permintaan kepada http/, /\d requests to http/],
    ],
    never: [["TERCANTUM", "LISTED"]],
    arrive: async ({ world, visit }) => {
      const visitor = await visit({});
      const { arrived, release } = hold(world.proxy, /\/evaluate$/);
      visitor.release = release;
      await visitor.type(world.people.listed);
      await visitor.submit();
      await arrived;
      return visitor;
    },
  },
  {
    name: "stopped",
    about: "A check of two lists that was stopped: what one of them answered stays.",
    config: { datasets: [BEKASI, JAKARTA] },
    levels: ["not-listed", "no-answer"],
    says: [
      ["1 belum ada jawaban, 1 tidak tercantum", "1 without an answer yet, 1 not listed"],
      ["Pemeriksaan dihentikan sebelum selesai.", "The check was stopped before it was done."],
      ["Ini bukan berarti “tidak tercantum”.", "That does not mean “not listed”."],
    ],
    arrive: async ({ world, visit }) => {
      const visitor = await visit({});
      const { arrived, release } = hold(world.proxy, /jakarta-2024\/evaluate$/);
      visitor.release = release;
      await visitor.type(world.people.listed);
      await visitor.submit();
      await arrived;
      await visitor.press("Hentikan", "Stop");
      await visitor.answered();
      return visitor;
    },
  },
  {
    name: "listed",
    about: "Listed: with pair, status and date, that it is no guilt, and what to do within seven days.",
    config: one,
    levels: ["listed"],
    says: [
      ["NIK ini tercantum sebagai pendukung.", "This NIK is listed as a supporter."],
      ["Pasangan Kenanga", "Ylang-ylang pair"],
      ["Memenuhi syarat", "Eligible"],
      [/Diserahkan\n\d+ \S+ 2024/, /Submitted\n\d+ \S+ 2024/],
      ["Dukungan calon perseorangan, DKI Jakarta 2024", "Supporters of independent candidates, Jakarta 2024"],
      ["Daftar contoh: orang-orang yang tidak ada", "A sample: people who do not exist"],
      [
        "Tercantum dalam daftar bukan berarti Anda melakukan kesalahan.",
        "Being listed does not mean that you did anything wrong.",
      ],
      [
        "Laporkan ke Bawaslu paling lambat DEADLINE: 7 hari sejak Anda mengetahuinya, TODAY.",
        "Report to Bawaslu by DEADLINE: 7 days from when you found out, TODAY.",
      ],
      [
        "Sampaikan tanggapan tertulis kepada KPU Provinsi DKI Jakarta.",
        "Object in writing to the provincial election commission of Jakarta.",
      ],
      [
        "Jakarta Selatan: Datang ke kantor KPU Kota Jakarta Selatan",
        "Jakarta Selatan: Go to the election commission of South Jakarta",
      ],
    ],
    arrive: ({ world, visit }) => checked(world, visit, "listed"),
  },
  {
    name: "not-listed",
    about: "Not listed, with the list's date, and what it does not cover.",
    config: one,
    levels: ["not-listed"],
    says: [
      ["NIK ini tidak tercantum dalam daftar ini.", "This NIK is not on this list."],
      [/Per TODAY, NIK ini tidak tercantum/, /As of TODAY, this NIK is not listed/],
      ["daftar yang terbit sesudahnya tidak tercakup", "lists published later, are not covered"],
      FILTER_ANSWERED,
    ],
    never: [["Yang dapat Anda lakukan", "What you can do"]],
    arrive: ({ world, visit }) => checked(world, visit, "missed"),
  },
  {
    name: "false-positive",
    about: "Hit by the filter by mistake: the service confirmed that it is not listed. The request for that is told below.",
    config: one,
    levels: ["not-listed"],
    says: [
      ["NIK ini tidak tercantum dalam daftar ini.", "This NIK is not on this list."],
      ["POST jakarta-2024/evaluate", "POST jakarta-2024/evaluate"],
    ],
    never: [FILTER_ANSWERED],
    arrive: ({ world, visit }) => checked(world, visit, "hit"),
  },
  {
    name: "maybe",
    about: "“Never contact the service”: maybe, why, and how to be certain.",
    config: one,
    levels: ["maybe"],
    says: [
      ["NIK ini mungkin tercantum; belum pasti.", "This NIK may be listed; it is not certain."],
      ["Anda memilih untuk tidak menghubungi layanan.", "You chose not to contact the service."],
      ["Pastikan sekarang", "Confirm now"],
    ],
    never: [["POST", "POST"]],
    arrive: async ({ world, visit }) => {
      const visitor = await visit({});
      await visitor.press("Pengaturan", "Settings");
      await visitor.tick("Jangan pernah hubungi layanan tentang NIK", "Never contact the service about a NIK");
      await visitor.check(world.people.hit);
      return visitor;
    },
  },
  {
    name: "no-answer",
    about: "A manifest that was altered on the way: no answer, why, and its code.",
    config: one,
    levels: ["no-answer"],
    says: [
      ["Ini bukan berarti “tidak tercantum”.", "That does not mean “not listed”."],
      ["Daftar ini tidak terbukti ada di catatan publik.", "The list is not proved to be in the public log."],
      [
        "laporkan kode di bawah kepada penerbit daftar dan pengawas pemilu",
        "tell the list's publisher and the election supervisor",
      ],
      ["Kode: log_proof_invalid", "Code: log_proof_invalid"],
    ],
    arrive: async ({ world, visit }) => {
      world.proxy.alter = (path, bytes) => (path.endsWith("/manifest") ? forged(bytes) : undefined);
      const visitor = await visit({});
      await visitor.check(world.people.listed);
      return visitor;
    },
  },
  {
    name: "family",
    about: "A family of four: all answers at a glance, and what K does not promise them.",
    config: one,
    levels: ["listed", "not-listed", "not-listed", "not-listed"],
    says: [
      ["1 tercantum, 3 tidak tercantum", "1 listed, 3 not listed"],
      // What somebody called them stays in another language.
      [/(Ibu|Mum)\s+Tercantum/, /(Ibu|Mum)\s+Listed/],
      [/(Nenek|Grandmother)\s+Tidak/, /(Nenek|Grandmother)\s+Not listed/],
      ["sekitar 1.250 orang. Itu tidak berlaku bagi sekeluarga", "some 1,250 people. That does not hold for a family"],
      ["Periksa NIK orang lain hanya dengan izinnya.", "Check another person's NIK only with their permission."],
    ],
    arrive: async ({ world, visit }) => {
      const visitor = await visit({});
      const { listed, missed, hit } = world.people;
      await visitor.check([listed, hit, missed[0], missed[1]], FAMILY[visitor.language === "id" ? 0 : 1]);
      return visitor;
    },
  },
  {
    name: "several-lists",
    about: "One NIK in three lists side by side; the third is too old to answer.",
    levels: ["not-listed", "no-answer", "listed"],
    says: [
      ["1 tercantum, 1 belum ada jawaban, 1 tidak tercantum", "1 listed, 1 without an answer yet, 1 not listed"],
      [/Kota Bekasi 2024\s+Tidak/, /Bekasi 2024\s+Not listed/],
      [/DKI Jakarta 2024\s+Tercantum/, /Jakarta 2024\s+Listed/],
      ["Kode: stale", "Code: stale"],
    ],
    arrive: ({ world, visit }) => checked(world, visit, "listed"),
  },
  {
    name: "lists-chosen",
    about: "Several lists, none of them chosen.",
    says: [
      ["Daftar yang diperiksa", "Lists to check"],
      ["Pilih sedikitnya satu daftar.", "Choose at least one list."],
    ],
    arrive: async ({ world, visit }) => {
      const visitor = await visit({});
      for (const box of await visitor.page.locator("form fieldset input[type=checkbox]").all()) {
        await box.uncheck();
      }
      await visitor.type(world.people.listed);
      await visitor.submit();
      return visitor;
    },
  },
  {
    name: "offline-kept",
    about: "Without a network, from the list kept on the device: maybe, with the list's date.",
    config: one,
    levels: ["maybe"],
    says: [
      ["Perangkat ini sedang tidak terhubung.", "This device is offline."],
      ["NIK ini mungkin tercantum; belum pasti.", "This NIK may be listed; it is not certain."],
      [/Daftar per\nTODAY/, /List as of\nTODAY/],
      ["Tidak ada yang dikirim untuk pemeriksaan ini.", "Nothing was sent for this check."],
    ],
    arrive: async ({ world, visit }) => {
      const visitor = await checked(world, visit, "missed");
      await visitor.context.setOffline(true);
      await visitor.press("Cek NIK lain", "Check another NIK");
      await visitor.check(world.people.listed);
      return visitor;
    },
  },
  {
    name: "offline-without",
    about: "Without a network and without a list on the device: no answer, until it is connected.",
    config: one,
    levels: ["no-answer"],
    inSight: ".retry",
    says: [
      [
        "Perangkat ini tidak terhubung, dan belum menyimpan daftar ini.",
        "This device is offline and has not kept this list.",
      ],
      [
        "Halaman ini mencoba lagi sendiri begitu perangkat ini terhubung.",
        "This page tries again by itself as soon as the device is connected.",
      ],
      ["Kode: offline", "Code: offline"],
    ],
    arrive: async ({ world, visit }) => {
      const visitor = await visit({});
      await visitor.keptForLater();
      await visitor.context.setOffline(true);
      await visitor.check(world.people.missed[0]);
      return visitor;
    },
  },
  {
    name: "stale",
    about: "A list whose time is over: no answer.",
    config: { datasets: [OVER] },
    levels: ["no-answer"],
    says: [
      ["Daftar ini sudah terlalu tua untuk dijadikan jawaban.", "This list is too old to answer."],
      ["Kode: stale", "Code: stale"],
      [/Daftar ini berlaku sampai 8 Januari 2026/, /This list was valid until 8 January 2026/],
      ["terbitan ke-1, kedaluwarsa sejak 8 Januari 2026", "edition 1, expired on 8 January 2026"],
    ],
    never: [["laporkan kode di bawah", "the code below"]],
    arrive: ({ world, visit }) => checked(world, visit, "over"),
  },
  {
    name: "waiting",
    about: "The service refuses because this network has had its share (429): the page waits as long as it was told.",
    config: one,
    flags: SHORT_WAIT,
    says: [
      [/Layanan sedang ramai\. Mencoba lagi dalam \d+ detik\./, /The service is busy\. Trying again in \d+ seconds?\./],
      ["Memastikan dengan layanan (sedang dikerjakan)", "Confirming with the service (in progress)"],
    ],
    never: [["TERCANTUM", "LISTED"]],
    arrive: async ({ world, visit }) => {
      await takeEvaluations(world, visit);
      const visitor = await visit({});
      await visitor.type(world.people.listed);
      await visitor.submit();
      await visitor.page.getByText(visitor.say("Layanan sedang ramai", "The service is busy")).first().waitFor();
      return visitor;
    },
  },
  {
    name: "rate-limited",
    about: "The same with a longer wait than anybody looks on: no answer yet, and a countdown to the next try.",
    config: one,
    flags: LONG_WAIT,
    levels: ["no-answer"],
    inSight: ".retry",
    says: [
      ["Terlalu banyak pemeriksaan dari jaringan ini.", "Too many checks from this network."],
      [/Layanan meminta kita menunggu \d+ (detik|menit)\./, /The service asks to wait \d+ (seconds|minutes)\./],
      [
        /Halaman ini mencoba lagi sendiri dalam \d+ (detik|menit)\./,
        /This page tries again by itself in \d+ (seconds|minutes)\./,
      ],
      ["tidak ada yang salah dengan NIK Anda", "nothing is wrong with your NIK"],
      ["Kode: rate_limited", "Code: rate_limited"],
      ["Jangan coba lagi", "Do not try again"],
    ],
    arrive: async ({ world, visit }) => {
      await takeEvaluations(world, visit);
      return checked(world, visit, "listed");
    },
  },
  {
    name: "overloaded",
    about: "The service has too many connections (503): the page waits, and tries again.",
    config: one,
    says: [
      [/Layanan sedang ramai\. Mencoba lagi dalam \d+ detik\./, /The service is busy\. Trying again in \d+ seconds?\./],
    ],
    never: [["TERCANTUM", "LISTED"]],
    arrive: async ({ world, visit }) => {
      const visitor = await visit({});
      await visitor.keptForLater();
      await world.service.start("--connections", "1");
      visitor.release = await world.service.occupy();
      await visitor.type(world.people.listed);
      await visitor.submit();
      await visitor.page
        .getByText(visitor.say("Layanan sedang ramai", "The service is busy"))
        .first()
        .waitFor({ timeout: 20_000 });
      return visitor;
    },
  },
  {
    name: "service-dies",
    about: "The service dies in the middle of a check: the page waits, and tries again.",
    config: one,
    says: [
      ["Memastikan dengan layanan (sedang dikerjakan)", "Confirming with the service (in progress)"],
      [
        /Layanan tidak terhubung\. Mencoba lagi dalam \d+ detik\./,
        /The service cannot be reached\. Trying again in \d+ seconds?\./,
      ],
    ],
    never: [
      ["TERCANTUM", "LISTED"],
      ["sedang ramai", "is busy"],
    ],
    arrive: async ({ world, visit }) => {
      const visitor = await visit({});
      await visitor.keptForLater();
      world.proxy.before = ({ url }) => (url.endsWith("/evaluate") ? world.service.stop() : undefined);
      await visitor.type(world.people.listed);
      await visitor.submit();
      await visitor.page
        .getByText(visitor.say("Mencoba lagi dalam", "Trying again in"))
        .first()
        .waitFor({ timeout: 20_000 });
      return visitor;
    },
  },
  {
    name: "full",
    about:
      "The service says that hardly anything is left of today's evaluations: in the status line, before anybody is checked.",
    config: one,
    says: [
      [/DKI Jakarta 2024: terbitan ke-1, berlaku sampai \d/, /Jakarta 2024: edition 1, valid until \d/],
      [
        "Layanan sedang penuh: Anda mungkin diminta kembali nanti.",
        "The service is full: you may be told to come back later.",
      ],
    ],
    arrive: async ({ world, visit }) => {
      // To use up a budget of which a word is made takes more than a thousand requests.
      world.proxy.alter = (path, bytes) =>
        path === "/v1/status" ? Buffer.from(bytes.toString().replaceAll('"calm"', '"full"')) : undefined;
      const visitor = await visit({});
      await visitor.page.getByText(visitor.say("sedang penuh", "is full")).waitFor();
      return visitor;
    },
    picture: "footer",
  },
  {
    name: "requests",
    about: "What left this device: the request for the evaluation folded out, with all that was sent.",
    config: one,
    says: [
      ["Yang keluar dari perangkat ini", "What left this device"],
      [/"blinded":\s*\["[A-Za-z0-9_-]{43}/, /"blinded":\s*\["[A-Za-z0-9_-]{43}/],
      [
        "Angka acak: hasil hitungan yang ditutup dengan bilangan rahasia",
        "Random numbers: what was computed, covered with a secret number",
      ],
      [
        /Nomor kelompok berisi sekitar 1\.250 orang.* yang juga akan bertanya\./,
        /The number of a group of some 1,250 people.* who would ask as well\./,
      ],
      ["di komputer tekan F12", "on a computer press F12"],
      ["Baris OPTIONS (preflight) ditambahkan peramban sendiri", "Lines with OPTIONS (preflight) are added by the browser itself"],
    ],
    arrive: async ({ world, visit }) => {
      const visitor = await checked(world, visit, "hit");
      const line = visitor.page.locator("#requests details").filter({ hasText: "evaluate" }).first();
      await line.locator("summary").click();
      await line.scrollIntoViewIfNeeded();
      return visitor;
    },
    picture: "#requests",
  },
  {
    name: "report",
    about: "The draft of a report, filled in on the device with what the check tells; Indonesian in both languages.",
    config: one,
    says: [
      [/Pasangan Kenanga/, /Pasangan Kenanga/],
      [/Pelapor/, /Pelapor/],
    ],
    arrive: async ({ world, visit }) => {
      const visitor = await checked(world, visit, "listed");
      await visitor.press("Buat rancangan laporan", "Draft a report");
      await visitor.page.locator(".report h2").waitFor();
      return visitor;
    },
    picture: ".report",
    fields: true,
  },
  {
    name: "report-family",
    about: "The same about one of a family who is listed: of whom it is told, in words that fit whoever signs it.",
    config: one,
    says: [
      [/Tentang: (Ibu|Mum)/, /Tentang: (Ibu|Mum)/],
      ["Nama orang yang tercantum", "Nama orang yang tercantum"],
      [/ia tercantum sebagai pendukung Pasangan/, /ia tercantum sebagai pendukung Pasangan/],
    ],
    never: [
      ["saya tercantum", "saya tercantum"],
      ["NIK saya", "NIK saya"],
    ],
    arrive: async ({ world, visit }) => {
      const visitor = await visit({});
      const { listed, another, missed } = world.people;
      await visitor.check([missed[0], listed, another], visitor.say(["Saya", "Ibu", "Bapak"], ["Me", "Mum", "Dad"]));
      await visitor.press("Buat rancangan laporan tentang Ibu", "Draft a report about Mum");
      await visitor.page.locator(".report h2").waitFor();
      return visitor;
    },
    picture: ".report",
    fields: true,
  },
  {
    name: "shared-device",
    about: "A device that others use: nothing is kept.",
    config: one,
    says: [
      [
        "Tidak ada yang disimpan, dan layar dikosongkan setelah 3 menit",
        "Nothing is kept, and the screen is cleared after 3 minutes",
      ],
    ],
    arrive: async ({ visit }) => {
      const visitor = await visit({ path: "/#bersama" });
      await visitor.press("Pengaturan", "Settings");
      return visitor;
    },
  },
  {
    name: "shared-leaving",
    about: "The same, half a minute before the screen is emptied: that is said where somebody reads, and can be put off.",
    config: one,
    levels: ["listed"],
    inSight: ".leaving",
    // Whoever changes the language is there, and it is gone.
    untouched: true,
    says: [
      ["Layar dikosongkan dalam 30 detik", "The screen is cleared in 30 seconds"],
      ["Tetap tampilkan", "Keep it on the screen"],
    ],
    arrive: async ({ world, visit }) => {
      const visitor = await visit({ path: "/#bersama", clock: true });
      await visitor.check(world.people.listed);
      await visitor.page.clock.fastForward(155_000);
      await visitor.page.getByText(visitor.say("Tetap tampilkan", "Keep it on the screen")).waitFor();
      return visitor;
    },
  },
  {
    name: "cleared",
    about: "After “Clear this device”.",
    config: one,
    says: [["Semua sudah dihapus dari perangkat ini.", "Everything was removed from this device."]],
    never: [["TERCANTUM", "LISTED"]],
    arrive: async ({ world, visit }) => {
      const visitor = await checked(world, visit, "listed");
      await visitor.press("Pengaturan", "Settings");
      await visitor.press("Hapus data di perangkat ini", "Clear this device");
      await visitor.page.getByText(visitor.say("Semua sudah dihapus", "Everything was removed")).waitFor();
      await visitor.page.evaluate(() => scrollTo(0, 0));
      return visitor;
    },
  },
  {
    name: "no-lists",
    about: "The service could not be reached when the page opened.",
    says: [
      [
        "Daftar tidak dapat diambil dari layanan. Periksa sambungan internet.",
        "The service's lists could not be fetched. Check your connection.",
      ],
      ["Coba lagi sekarang", "Try again now"],
    ],
    arrive: async ({ world, visit }) => {
      world.proxy.before = ({ url }) => {
        if (url === "/v1/datasets") {
          throw new Error("gone");
        }
      };
      const visitor = await visit({ listed: false });
      await visitor.page.getByText(visitor.say("Daftar tidak dapat diambil", "The service's lists")).waitFor();
      return visitor;
    },
  },
  {
    name: "cannot-start",
    about: "The host's config.json is wrong: the page says that nothing can be checked here.",
    config: { sever: "x" },
    says: [
      ["Halaman ini tidak dapat memeriksa di sini", "This page cannot check anything here"],
      ["config.json: there is no sever", "config.json: there is no sever"],
      ["Jangan mengirim NIK lewat pesan kepada siapa pun.", "Do not send your NIK to anybody in a message."],
    ],
    arrive: ({ visit }) => visit({ listed: false, early: true }),
  },
  {
    name: "without-script",
    about: "Without JavaScript: what to do instead, in both languages at once.",
    says: [
      ["JavaScript sedang dimatikan.", "JavaScript is switched off."],
      [
        "atau datang ke kantor penerbit daftar atau pengawas pemilu dengan membawa KTP",
        "or go to the office of the list's publisher",
      ],
    ],
    script: false,
    arrive: ({ visit }) => visit({ script: false }),
  },
  {
    name: "how-it-works",
    about: "“How it works”: the two tiers, the promise, its limits, and how to tell the real page from a copy.",
    says: [
      ["Yang pertama berlangsung di perangkat Anda saja.", "The first tier is on your device alone."],
      ["benar bila penerbit mengisi penyaring itu dengan jujur", "right if the publisher filled that filter honestly"],
      [
        "Janjinya, “paling tinggi setengah-setengah”, ialah baris pertama.",
        "The promise, “even odds at the most”, is the first row.",
      ],
      [
        "Ia tidak berlaku untuk keluarga, kampung, atau tempat kerja",
        "It does not hold for families, villages or workplaces",
      ],
      ["gabungan kelompok empat orang hampir selalu cocok", "the groups of four people together nearly always"],
      [
        "Siapa yang menyajikannya dapat mengubahnya sehingga NIK itu dikirim",
        "Whoever serves it can change it so that it sends the NIK away",
      ],
      ["Membedakan halaman asli dari tiruan", "To tell the real page from a copy"],
      ["Membandingkan sidik halaman", "To compare the fingerprint"],
    ],
    never: [
      ["“Tidak” selalu benar.", "“No” is always right."],
      ["In short", "Singkatnya"],
    ],
    arrive: ({ visit }) => visit({ path: "/cara-kerja.html", listed: false }),
  },
];

/** A visit with one of the people checked. */
export async function checked(world, visit, who) {
  const visitor = await visit({});
  await visitor.check([world.people[who]].flat()[0]);
  return visitor;
}

/** A manifest with another year in its title. */
export function forged(bytes) {
  return Buffer.from(bytes.toString().replace("DKI Jakarta 2024", "DKI Jakarta 2025"));
}

/** Brings somebody to a scene; `how` is what the device is like. */
export async function arrive(world, scene, how) {
  await world.reset(...(scene.flags ?? []));
  world.proxy.config = scene.config ?? null;
  const visit = (more) => world.visit({ ...how, ...more });
  const visitor = await scene.arrive({ world, visit });
  await passed(100);
  return visitor;
}
