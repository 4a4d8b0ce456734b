// How long a check takes on a cheap phone: a processor four times slower, on "slow 4G", with the filter of a list of 677,000.
// Prints a line for each figure: from an empty cache, and on the second visit, from opening the page to the local answer; the NIK is
// typed at once. Chromium slows the page itself, and not its workers: the Argon2id that is in the figures is this machine's. The
// list has few rows, and the filter's file a full one's length; on the way it is made as long as a full one is compressed.
import { execFile } from "node:child_process";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { constants, crc32, deflateRawSync, gunzipSync } from "node:zlib";
import { chromium } from "playwright-core";
import { bin } from "./home.mjs";
import { Proxy } from "./proxy.mjs";
import { Service } from "./service.mjs";

const ROWS = 677_000;
const POPULATION = 8_214_007;
/** Chromium's "slow 4G": 1.6 Mbit/s down, 750 kbit/s up, 150 ms there and back, with its factors for a request's overhead. */
const NETWORK = {
  offline: false,
  downloadThroughput: (1.6e6 / 8) * 0.9,
  uploadThroughput: (750e3 / 8) * 0.9,
  latency: 150 * 3.75,
};
/** What gzip makes of a filter in which as many cells are set as a full list sets (src/publication/filter_files.rs). */
const COMPRESSED = 0.77;
const SLOWER = 4;
const TIMES = 3;
const GOALS = { "page-cold": 6, "page-warm": 1.5 };

const execute = promisify(execFile);
const directory = await mkdtemp(join(tmpdir(), "ceknik-bench-"));
try {
  const home = join(directory, "home");
  const ceknik = (...words) => execute(join(bin, "ceknik"), words);
  await ceknik("keygen", "--home", home, "--origin", "cek.example.org/log");
  const [list, definition] = [join(directory, "list.csv"), join(directory, "list.toml")];
  await ceknik("sample", "--rows", "50", "--definition", definition, "--id", "besar", list);
  const text = await readFile(definition, "utf8");
  await writeFile(
    definition,
    text.replace(/^population.*\n/m, `population = ${POPULATION}\n`).replace(/^capacity.*\n/m, `capacity = ${ROWS}\n`),
  );
  await ceknik("dataset", "create", "--home", home, definition);
  await ceknik("import", "--home", home, "besar", list);
  await ceknik("publish", "--home", home, "besar");
  const manifest = JSON.parse(await readFile(join(home, "public/datasets/besar/epochs/1/manifest"), "utf8"));
  console.log(
    `filter of ${manifest.filter.shards[0].bytes} bytes`,
    `Argon2id at ${manifest.stretch.memory_kib} KiB and ${manifest.stretch.passes} passes`,
  );
  const service = new Service(home);
  await service.start();
  const proxy = new Proxy(service);
  await proxy.start();
  const filter = asOfAFullList(await readFile(join(home, "public/datasets/besar/filter", manifest.filter.shards[0].sha256)));
  console.log(`on the way, the filter has ${filter.length} bytes`);
  proxy.encoding = "gzip";
  proxy.alter = (path, bytes) => (path.includes("/filter/") ? filter : bytes);
  const browser = await chromium.launch({
    executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium",
    args: ["--no-sandbox", "--disable-gpu"],
  });
  try {
    const took = { "page-cold": [], "page-warm": [] };
    for (let time = 0; time < TIMES; time += 1) {
      const context = await browser.newContext({ viewport: { width: 360, height: 740 } });
      took["page-cold"].push(await visit(context, proxy.url, false));
      took["page-warm"].push(await visit(context, proxy.url, true));
      await context.close();
    }
    for (const [figure, all] of Object.entries(took)) {
      const median = all.sort((a, b) => a - b)[TIMES >> 1];
      console.log(`figure ${figure} ${median.toFixed(2)} s goal ${GOALS[figure]}`);
    }
  } finally {
    await browser.close();
    proxy.stop();
    await service.stop();
  }
} finally {
  await rm(directory, { recursive: true, force: true });
}

/** The same bytes as gzip, compressed no more than those of a full list can be: most of them are stored as they are. */
function asOfAFullList(bytes) {
  const stored = Math.round(bytes.length * COMPRESSED);
  const end = Buffer.alloc(8);
  end.writeUInt32LE(crc32(bytes), 0);
  end.writeUInt32LE(bytes.length, 4);
  const compressed = Buffer.concat([
    Buffer.from([0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 255]),
    deflateRawSync(bytes.subarray(0, stored), { level: 0, finishFlush: constants.Z_FULL_FLUSH }),
    deflateRawSync(bytes.subarray(stored), { level: 9 }),
    end,
  ]);
  if (!gunzipSync(compressed).equals(bytes)) {
    throw new Error("what was compressed is another filter");
  }
  return compressed;
}

/** A visit on a slow device: seconds from opening the page to the local answer. */
async function visit(context, url, warm) {
  const page = await context.newPage();
  const session = await context.newCDPSession(page);
  await session.send("Network.enable");
  await session.send("Network.emulateNetworkConditions", NETWORK);
  await session.send("Emulation.setCPUThrottlingRate", { rate: SLOWER });
  const begun = performance.now();
  await page.goto(url, { waitUntil: "commit" });
  // A sound NIK of nobody, whom the filter most likely misses.
  await page.locator("input.nik").fill("3171011708900001");
  await page.locator("form button[type=submit]").click();
  await page.locator("#results .verdict, [data-step=local][data-state=done]").first().waitFor({ timeout: 120_000 });
  const seconds = (performance.now() - begun) / 1000;
  await page.locator("#results .answers").waitFor({ timeout: 120_000 });
  if (!warm) {
    await session.send("Network.emulateNetworkConditions", {
      ...NETWORK,
      downloadThroughput: -1,
      uploadThroughput: -1,
      latency: 0,
    });
    await page.evaluate(async () => void (await navigator.serviceWorker.ready));
  }
  await page.close();
  return seconds;
}
