// The package as it is handed out, and what its documentation shows.
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { access, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { fileURLToPath } from "node:url";

const root = fileURLToPath(new URL("..", import.meta.url));
const read = (name) => readFile(join(root, name), "utf8");
const run = (program, args, cwd = root) =>
  execFileSync(program, args, { cwd, encoding: "utf8", stdio: ["ignore", "pipe", "pipe"] });

test("what is packed is what is needed, and nothing else", async () => {
  const [{ files }] = Object.values(JSON.parse(run("npm", ["pack", "--dry-run", "--json", "--ignore-scripts"])));
  const names = files.map(({ path }) => path);
  assert.ok(
    names.every((name) =>
      /^(README\.md|package\.json|dist\/(LICENSE-[A-Z-]+|ceknik\.wasm|[a-z]+(\.d)?\.[jt]s))$/.test(name),
    ),
    String(names),
  );
  const { exports, version } = JSON.parse(await read("package.json"));
  for (const target of Object.values(exports).flatMap((entry) =>
    typeof entry === "string" ? [entry] : Object.values(entry),
  )) {
    assert.ok(names.includes(target.slice(2)), target);
  }
  assert.match(await read("../../Cargo.toml"), new RegExp(`^version = "${version}"$`, "m"));
});

test("it is imported by its name, with its types", async () => {
  const directory = await mkdtemp(join(tmpdir(), "ceknik-package-"));
  try {
    const packed = run("npm", ["pack", "--ignore-scripts", "--silent", "--pack-destination", directory]).trim();
    await writeFile(join(directory, "package.json"), '{"private":true,"type":"module"}');
    run("npm", ["install", "--silent", "--no-audit", "--no-fund", "--offline", join(directory, packed)], directory);
    await writeFile(
      join(directory, "use.ts"),
      `
      import { CeknikError, check, describeNik, memoryStorage } from "ceknik";
      import type { Answer, Progress, Report, Storage } from "ceknik";
      import { Lookup } from "ceknik/raw";
      export async function look(nik: string, signal: AbortSignal): Promise<string> {
        const storage: Storage = memoryStorage();
        const shown: Progress[] = [];
        const report: Report = await check({
          server: "https://x", dataset: "x", niks: [nik], storage, signal,
          onProgress: (p) => shown.push(p), settings: { confirm: "never" },
        });
        const answer: Answer | undefined = report.outcomes[0]?.answer;
        if (answer?.code === "no_answer") {
          return answer.expired ?? answer.reason;
        }
        return answer?.code === "listed"
          ? answer.supports.map((s) => report.list?.manifest.candidates[s.candidate]?.id).join()
          : String(report.retryAfter ?? describeNik(nik).missing);
      }
      export const kinds: [typeof CeknikError, typeof Lookup] = [CeknikError, Lookup];
      // @ts-expect-error
      check({ server: "https://x", dataset: "x", niks: [], settings: { confrim: "never" } });
    `,
    );
    const options = [
      "--noEmit",
      "--strict",
      "--target",
      "ES2022",
      "--module",
      "nodenext",
      "--lib",
      "ES2022,DOM,ESNext.Disposable",
      "--types",
      "",
      "use.ts",
    ];
    run(join(root, "node_modules/.bin/tsc"), options, directory);
    const loads = `
      import { load } from "ceknik";
      import { readFile } from "node:fs/promises";
      await load(await readFile(new URL(import.meta.resolve("ceknik/ceknik.wasm"))));
      console.log("loaded");
    `;
    await writeFile(join(directory, "use.js"), loads);
    assert.equal(run(process.execPath, ["use.js"], directory), "loaded\n");
  } finally {
    await rm(directory, { recursive: true });
  }
});

test("the example of the documentation is the one that is tested, and has 20 lines", async () => {
  const example = await read("example/embed.js");
  const [, shown] = (await read("README.md")).match(/```js embed\n([^]*?)```/);
  assert.equal(shown, example);
  assert.ok(example.trimEnd().split("\n").length <= 20);
});

test("the lock names no other registry than npm's own", async () => {
  const { packages } = JSON.parse(await read("package-lock.json"));
  assert.ok(Object.keys(packages).length > 3);
  for (const [name, { resolved, integrity }] of Object.entries(packages)) {
    assert.ok(resolved === undefined || resolved.startsWith("https://registry.npmjs.org/"), name);
    assert.ok(name === "" || integrity?.startsWith("sha512-"), name);
  }
});

test("nothing of the machine that it was built on is in it", async () => {
  const bytes = (await readFile(join(root, "dist/ceknik.wasm"))).toString("latin1");
  for (const path of [root, process.env.HOME, "/rustc/", "/.cargo/", "/.rustup/", "index.crates.io"]) {
    assert.ok(!bytes.includes(path), path);
  }
  await access(join(root, "dist/LICENSE-THIRD-PARTY"));
});
