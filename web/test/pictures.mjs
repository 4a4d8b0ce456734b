// Takes the pictures of docs/page anew: each state on a phone in Indonesian, some on a desktop in English and in the dark, and
// writes the list of them. `npm run pictures`; names of scenes may follow. Tests do not compare pixels.
import { mkdir, readFile, writeFile } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import { arrive, scenes } from "./scenes.mjs";
import { DESKTOP, makeWorld, PHONE } from "./world.mjs";

const directory = fileURLToPath(new URL("../../docs/page/", import.meta.url));
/** Most of a long page that a picture shows, in pixels. */
const TALLEST = 1400;
const QUALITY = 50;
const ON_A_DESKTOP = new Set(["form", "stopped", "listed", "family", "several-lists", "requests", "how-it-works"]);

const wanted = process.argv.slice(2);
const world = await makeWorld();
await mkdir(directory, { recursive: true });
try {
  for (const scene of scenes.filter(({ name }) => wanted.length === 0 || wanted.includes(name))) {
    await take(scene, scene.name, { language: "id", theme: "light", size: PHONE });
    if (ON_A_DESKTOP.has(scene.name)) {
      await take(scene, `${scene.name}-desktop`, { language: "en", theme: "dark", size: DESKTOP });
    }
  }
} finally {
  await world.stop();
}
await list();

async function take(scene, name, device) {
  const visitor = await arrive(world, scene, device);
  try {
    const { page } = visitor;
    // The answer and not the form is what most scenes are about.
    const from = await page.evaluate((selector) => {
      const found = selector === null ? null : document.querySelector(selector);
      return found === null ? scrollY : Math.max(0, scrollY + found.getBoundingClientRect().top - 16);
    }, scene.picture ?? null);
    const whole = await page.evaluate(() => document.documentElement.scrollHeight);
    const session = await visitor.context.newCDPSession(page);
    const { width } = device.size;
    const height = Math.min(whole - from, device.size === PHONE ? TALLEST : device.size.height);
    const { data } = await session.send("Page.captureScreenshot", {
      format: "webp",
      quality: QUALITY,
      captureBeyondViewport: true,
      clip: { x: 0, y: from, width, height, scale: 1 },
    });
    await writeFile(`${directory}${name}.webp`, Buffer.from(data, "base64"));
  } finally {
    visitor.release?.();
    await visitor.leaves();
  }
}

/** Writes the pictures' lines between the marks of README.md; what stands around them is written by hand. */
async function list() {
  const lines = scenes.flatMap(({ name, about }) => [
    `| [${name}](${name}.webp) | ${about} |`,
    ...(ON_A_DESKTOP.has(name)
      ? [`| [${name}-desktop](${name}-desktop.webp) | The same on a desktop, in English and in the dark. |`]
      : []),
  ]);
  const readme = `${directory}README.md`;
  const text = await readFile(readme, "utf8");
  const table = ["| picture | what it shows |", "| --- | --- |", ...lines].join("\n");
  await writeFile(
    readme,
    text.replace(/(<!-- pictures -->\n)[^]*(\n<!-- end -->)/, (_, begin, end) => `${begin}${table}${end}`),
  );
}
