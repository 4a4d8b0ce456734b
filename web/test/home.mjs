// A publisher's home with three lists, made by the program that is built: one that is in force, another beside it, and one
// whose time is over. And people for each answer.
import { execFile } from "node:child_process";
import { readFile, readFileSync } from "node:fs";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { check, load } from "ceknik";
import { Service } from "./service.mjs";

const root = fileURLToPath(new URL("../..", import.meta.url));
/** Where the programs of the workspace lie. */
export const bin = process.env.CEKNIK_BIN ?? join(process.env.CARGO_TARGET_DIR ?? join(root, "target"), "debug");
const execute = promisify(execFile);
const program = (...words) => execute(join(bin, "ceknik"), words);

/** In force, with several buckets; half of what the tests ask about. */
export const JAKARTA = "jakarta-2024";
export const BEKASI = "bekasi-2024";
/** Of which the last epoch is over. */
export const OVER = "depok-2023";

const LISTS = [
  {
    id: OVER,
    seed: 5,
    rows: 12,
    now: "2026-01-01T00:00:00Z",
    title: ["Dukungan calon perseorangan, Kota Depok 2023", "Supporters of independent candidates, Depok 2023"],
  },
  {
    id: BEKASI,
    seed: 4,
    rows: 20,
    /** Everybody whom the filter misses is confirmed for cover. */
    cover: 100,
    title: ["Dukungan calon perseorangan, Kota Bekasi 2024", "Supporters of independent candidates, Bekasi 2024"],
  },
  {
    id: JAKARTA,
    seed: 3,
    rows: 40,
    title: ["Dukungan calon perseorangan, DKI Jakarta 2024", "Supporters of independent candidates, Jakarta 2024"],
  },
];

const GUIDANCE = {
  [JAKARTA]: `
[[guidance]]
id = "Sampaikan tanggapan tertulis kepada KPU Provinsi DKI Jakarta."
en = "Object in writing to the provincial election commission of Jakarta."
url = "https://jakarta.example/tanggapan"

[[guidance]]
region = "Jakarta Selatan"
id = "Datang ke kantor KPU Kota Jakarta Selatan dengan KTP-el."
en = "Go to the election commission of South Jakarta with your identity card."
url = "https://selatan.example/"

[[guidance]]
region = "Jakarta Utara"
id = "Datang ke kantor KPU Kota Jakarta Utara dengan KTP-el."
en = "Go to the election commission of North Jakarta with your identity card."
url = "https://utara.example/"
`,
  // Of one region alone.
  [BEKASI]: `
[[guidance]]
region = "Bekasi"
id = "Datang ke KPU Kota Bekasi."
en = "Go to the election commission of Bekasi."
url = "https://bekasi.example/"
`,
};

/** Of these, so many are tried for one whom the filter hits, several at a time. */
const OUTSIDERS = 160;
const TOGETHER = 16;

/**
 * Makes it. Gives its directory; and NIKs of nobody: listed in Jakarta, another there, in Bekasi, in the list that is over,
 * missed, hit by mistake.
 */
export async function makeHome() {
  const directory = await mkdtemp(join(tmpdir(), "ceknik-page-"));
  const home = join(directory, "home");
  await program("keygen", "--home", home, "--origin", "cek.example.org/log");
  for (const { id, seed, rows, now, cover, title } of LISTS) {
    const list = join(directory, `${id}.csv`);
    const definition = join(directory, `${id}.toml`);
    await program("sample", "--rows", String(rows), "--seed", String(seed), "--definition", definition, "--id", id, list);
    await writeFile(definition, defined(readFileSync(definition, "utf8"), title, cover, GUIDANCE[id]));
    await program("dataset", "create", "--home", home, definition);
    await program("import", "--home", home, id, list);
    await program("publish", "--home", home, id, ...(now === undefined ? [] : ["--now", now]));
  }
  const outsiders = join(directory, "outsiders.csv");
  await program("sample", "--rows", String(OUTSIDERS), "--seed", "77", outsiders);
  const [listed, another] = await niks(join(directory, `${JAKARTA}.csv`));
  const people = {
    listed,
    another,
    bekasi: (await niks(join(directory, `${BEKASI}.csv`)))[0],
    ...(await missedAndHit(home, await niks(outsiders))),
    over: (await niks(join(directory, `${OVER}.csv`)))[0],
  };
  await writeFile(join(home, "people.json"), JSON.stringify(people));
  return { directory, home, remove: () => rm(directory, { recursive: true, force: true }) };
}

/** The sample's definition with a title, buckets that hide a thousand people each, and a filter that errs often enough. */
function defined(text, [id, en], cover, guidance) {
  const covered = cover === undefined ? "" : `cover_percent = ${cover}\n`;
  const head = `population = 20000\nbucket_bits = 4\nposterior_percent = 2\n${covered}`;
  const named = text
    .replace(/^population.*\n/m, head)
    .replace(/\[title\]\nid = .*\nen = .*\n/, `[title]\nid = "${id}"\nen = "${en}"\n`)
    .replace("Orang-orang yang tidak ada", "Daftar contoh: orang-orang yang tidak ada")
    .replace("People who do not exist", "A sample: people who do not exist");
  return guidance === undefined ? named : named.replace(/\n\[\[guidance\]\][^]*$/, guidance);
}

/** The NIKs of a sample. No other of its columns has sixteen digits. */
async function niks(file) {
  return [...new Set((await promisify(readFile)(file, "utf8")).match(/(?<=^\d+,)\d{16}(?=,)/gm))];
}

/** Of people on no list, three whom the filter misses, and one whom it hits; nothing about them is sent. */
async function missedAndHit(home, outsiders) {
  await load(await promisify(readFile)(fileURLToPath(new URL("../../crates/wasm/dist/ceknik.wasm", import.meta.url))));
  const service = new Service(home);
  await service.start();
  try {
    const missed = [];
    for (let first = 0; first < outsiders.length; first += TOGETHER) {
      const some = outsiders.slice(first, first + TOGETHER);
      const { outcomes } = await check({
        server: service.url,
        dataset: JAKARTA,
        niks: some,
        worker: null,
        settings: { confirm: "never" },
      });
      const codes = outcomes.map(({ answer }) => answer.code);
      missed.push(...some.filter((_, place) => codes[place] === "not_listed"));
      const hit = codes.indexOf("maybe");
      if (hit >= 0 && missed.length >= 3) {
        return { missed: missed.slice(0, 3), hit: some[hit] };
      }
    }
  } finally {
    await service.stop();
  }
  throw new Error(`of ${OUTSIDERS} outsiders the filter hits all or none`);
}
