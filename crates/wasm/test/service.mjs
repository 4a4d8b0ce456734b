// The service of `ceknik demo`: a sample list, imported, published and served by the programs that are built.
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

const root = fileURLToPath(new URL("../../..", import.meta.url));
const program = join(process.env.CARGO_TARGET_DIR ?? join(root, "target"), "debug/ceknik");

/** Starts it. Gives where it is, three NIKs of nobody to try, the policy, and how to stop it. */
export async function demo(rows = 120) {
  const directory = await mkdtemp(join(tmpdir(), "ceknik-demo-"));
  const child = spawn(program, ["demo", "--rows", String(rows), "--dir", join(directory, "demo")], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  const ended = once(child, "exit");
  let said = "";
  await new Promise((serving, failed) => {
    child.on("error", failed);
    child.on("exit", (code) => failed(new Error(`ceknik demo ended with ${code}: ${said}`)));
    child.stdout.on("data", (chunk) => {
      said += chunk;
      if (said.includes("Serving until interrupted")) {
        serving();
      }
    });
  });
  const read = (name) => readFile(join(directory, "demo", name), "utf8");
  const stop = async () => {
    child.removeAllListeners("exit");
    child.kill("SIGTERM");
    await ended;
    await rm(directory, { recursive: true });
  };
  return { ...JSON.parse(await read("demo.json")), policy: await read("policy.txt"), stop };
}

/** All forms in which bytes may stand in a text. */
export function forms(bytes) {
  const buffer = Buffer.from(bytes);
  return [buffer.toString("latin1"), buffer.toString("hex"), buffer.toString("base64url"), buffer.toString("base64")];
}
