/**
 * What a finished build gets: the service worker's list of files, and SHA256SUMS, whose own hash is the fingerprint of the
 * page. The budget of bytes is held here: a build that is larger fails.
 */
import { createHash } from "node:crypto";
import { readFileSync, readdirSync, writeFileSync } from "node:fs";
import { join, relative, sep } from "node:path";
import { gzipSync } from "node:zlib";
import type { Plugin, ResolvedConfig } from "vite";

/**
 * Most bytes of a first visit that are the page's own, gzipped: page, script, style, worker. Not the module, which
 * crates/wasm/build holds to its own; nor what comes later: English, names of districts, the filter.
 */
const MOST_OWN = 42_500;
/** Most bytes of a first visit in all, gzipped, the module among them. */
const MOST_FIRST_LOAD = 160 * 1024;
const MODULE = /\.wasm$/;
/** Not of the build: the host's own. */
const CONFIG = "config.json";
const SUMS = "SHA256SUMS";
const WORKER = "sw.js";
/** Fetched after the page is there. */
const LATER = /^assets\/(districts|en|cara-kerja)-|^cara-kerja\.html$|\.txt$/

export function release(): Plugin {
  let config: ResolvedConfig;
  return {
    name: "release",
    apply: "build",
    configResolved: (resolved) => {
      config = resolved;
    },
    closeBundle: {
      order: "post",
      handler: () => {
        const dist = join(config.root, config.build.outDir);
        const files = under(dist).filter((file) => file !== CONFIG && file !== SUMS);
        const kept = files.filter((file) => file !== WORKER);
        const list = JSON.stringify(kept.map((file) => [file, sha256(join(dist, file))]));
        const worker = join(dist, WORKER);
        const code = readFileSync(worker, "utf8");
        if (!code.includes("__FILES__")) {
          throw new Error("the service worker has no place for its files");
        }
        writeFileSync(worker, code.replace(/"__FILES__"|'__FILES__'|`__FILES__`/, () => JSON.stringify(list)));
        const sums = files.map((file) => `${sha256(join(dist, file))}  ${file}\n`).join("");
        writeFileSync(join(dist, SUMS), sums);

        const first = kept.filter((file) => !LATER.test(file));
        const sizes = first.map((file) => [file, gzipSync(readFileSync(join(dist, file)), { level: 9 }).length] as const);
        const sum = (some: typeof sizes) => some.reduce((sum, [, size]) => sum + size, 0);
        const own = sum(sizes.filter(([file]) => !MODULE.test(file)));
        for (const [file, size] of sizes) {
          console.log(`${String(size).padStart(8)} gzipped  ${file}`);
        }
        console.log(`${String(own).padStart(8)} gzipped are the page's own, of ${MOST_OWN} at most`);
        const all = sum(sizes);
        console.log(`${String(all).padStart(8)} gzipped in all, of ${MOST_FIRST_LOAD} at most`);
        console.log(`fingerprint ${createHash("sha256").update(sums).digest("hex")}`);
        if (own > MOST_OWN) {
          throw new Error(`a first visit would fetch ${own} bytes beside the module, more than ${MOST_OWN}`);
        }
        if (all > MOST_FIRST_LOAD) {
          throw new Error(`a first visit would fetch ${all} bytes, more than ${MOST_FIRST_LOAD}`);
        }
      },
    },
  };
}

function under(directory: string): string[] {
  return readdirSync(directory, { withFileTypes: true, recursive: true })
    .filter((entry) => entry.isFile())
    .map((entry) => relative(directory, join(entry.parentPath, entry.name)).split(sep).join("/"))
    .sort();
}

function sha256(path: string): string {
  return createHash("sha256").update(readFileSync(path)).digest("hex");
}
