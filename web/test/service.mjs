// The real service, on a home; ended and begun again as a test wants.
import { spawn } from "node:child_process";
import { once } from "node:events";
import { connect } from "node:net";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { bin } from "./home.mjs";

const dist = fileURLToPath(new URL("../dist", import.meta.url));

export class Service {
  url = null;
  port = null;
  #home;
  #child = null;
  #state = null;
  #flags = null;

  constructor(home) {
    this.#home = home;
  }

  /** Starts it with the page and these flags, in place of how it runs now. */
  async start(...flags) {
    const wanted = flags.join(" ");
    if (this.#child !== null && this.#flags === wanted) {
      return;
    }
    await this.stop();
    this.#state = await mkdtemp(join(tmpdir(), "ceknik-state-"));
    const home = (name) => join(this.#home, name);
    const child = spawn(
      join(bin, "ceknikd"),
      [
        "--public",
        home("public"),
        "--keys",
        home("keys/oprf"),
        "--state",
        this.#state,
        "--page",
        dist,
        "--listen",
        "127.0.0.1:0",
        "--metrics-listen",
        "off",
        ...flags,
      ],
      { stdio: ["ignore", "ignore", "pipe"] },
    );
    this.#child = child;
    this.#flags = wanted;
    let log = "";
    await new Promise((serving, failed) => {
      child.on("error", failed);
      child.on("exit", (code) => failed(new Error(`ceknikd ended with ${code}: ${log}`)));
      child.stderr.on("data", (chunk) => {
        log += chunk;
        const address = /"message":"serving","listen":"([^"]+)"/.exec(log);
        if (address !== null) {
          this.url = `http://${address[1]}`;
          this.port = Number(new URL(this.url).port);
          serving();
        }
      });
    });
    child.removeAllListeners("exit");
  }

  /** Ends it at once, as a fault does: nobody waits here for connections that a test holds open. */
  async stop() {
    const child = this.#child;
    if (child === null) {
      return;
    }
    this.#child = null;
    this.port = null;
    child.kill("SIGKILL");
    if (child.exitCode === null && child.signalCode === null) {
      await once(child, "exit");
    }
    await rm(this.#state, { recursive: true, force: true });
  }

  /** Holds one of its connections, until what this gives is called. */
  async occupy() {
    const socket = connect(this.port, "127.0.0.1");
    socket.on("error", () => undefined);
    await once(socket, "connect");
    socket.write("GET /v1/status HTTP/1.1\r\n");
    return () => socket.destroy();
  }
}
