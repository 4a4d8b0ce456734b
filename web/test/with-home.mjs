// Makes a publisher's home once, and runs a program that finds it in CEKNIK_TEST_HOME.
import { spawn } from "node:child_process";
import { once } from "node:events";
import { makeHome } from "./home.mjs";

const { home, remove } = await makeHome();
let code = 1;
try {
  const [program, ...words] = process.argv.slice(2);
  const child = spawn(program, words, { stdio: "inherit", env: { ...process.env, CEKNIK_TEST_HOME: home } });
  [code] = await once(child, "exit");
} finally {
  await remove();
}
process.exitCode = code ?? 1;
