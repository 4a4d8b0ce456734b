// Gathers the licences of what is compiled into the module, for whoever distributes it: `licences.mjs FILE`.
import { execFileSync } from "node:child_process";
import { readFileSync, readdirSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { argv } from "node:process";
import { fileURLToPath } from "node:url";

const root = fileURLToPath(new URL("../..", import.meta.url));
const cargo = (...args) => execFileSync("cargo", args, { cwd: root, encoding: "utf8", maxBuffer: 1 << 28 });
const target = "wasm32-unknown-unknown";

const tree = cargo("tree", "--locked", "-p", "ceknik-wasm", "--target", target, "-e", "normal", "--prefix", "none", "--format", "{p}");
const linked = new Set(tree.split("\n").map((line) => line.split(" ").slice(0, 2).join(" ").replace(" v", " ")));
const { packages } = JSON.parse(cargo("metadata", "--locked", "--format-version", "1", "--filter-platform", target));
const foreign = packages.filter(({ name, version, source }) => source !== null && linked.has(`${name} ${version}`));

// One text that many packages share stands once.
const texts = new Map();
for (const { name, version, license, manifest_path: manifest } of foreign) {
  const directory = dirname(manifest);
  const files = readdirSync(directory).filter((file) => /^(licen[cs]e|copying|notice|unlicense)/i.test(file)).sort();
  for (const text of files.length ? files.map((file) => readFileSync(join(directory, file), "utf8")) : [`Licence: ${license}`]) {
    const key = text.replace(/\r/g, "").trim();
    texts.set(key, [...(texts.get(key) ?? []), `${name} ${version} (${license})`]);
  }
}
const parts = [...texts].map(([text, names]) => `${names.sort().join("\n")}\n\n${text}\n`).sort();
const about = "What is compiled into ceknik.wasm beside ceknik itself and the standard library of Rust (MIT OR Apache-2.0).\n";
writeFileSync(argv[2], [about, ...parts].join(`\n${"-".repeat(80)}\n\n`));
