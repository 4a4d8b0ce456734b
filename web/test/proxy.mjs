// What stands between the browser and the real service: it records every request, and where a test says so it holds one back,
// or alters the bytes of what comes back.
import { once } from "node:events";
import { createServer, request } from "node:http";

export class Proxy {
  /** Every request: method, path, headers, body. */
  made = [];
  /** Called with a request before it is passed on; whatever it promises is waited for. */
  before = () => undefined;
  /** Called with a path and what the service sent for it; gives other bytes, or nothing. */
  alter = () => undefined;
  /** The host's file beside the page; null for what the build has. */
  config = null;
  #server;
  #service;

  constructor(service) {
    this.#service = service;
  }

  async start() {
    this.#server = createServer((asked, answer) => {
      this.#pass(asked, answer).catch(() => answer.destroy());
    });
    this.#server.listen(0, "127.0.0.1");
    await once(this.#server, "listening");
    this.url = `http://127.0.0.1:${this.#server.address().port}`;
  }

  /** Passes everything on untouched again, and forgets what it saw. */
  reset() {
    this.made = [];
    this.before = this.alter = () => undefined;
    this.config = null;
  }

  stop() {
    this.#server.closeAllConnections();
    this.#server.close();
  }

  async #pass(asked, answer) {
    const { method, url, headers } = asked;
    const body = await whole(asked);
    const made = { method, url, headers, raw: asked.rawHeaders.join("\n"), body };
    this.made.push(made);
    await this.before(made);
    const { accept: _, ...others } = headers;
    const passed = request({
      host: "127.0.0.1",
      port: this.#service.port ?? 1,
      method,
      path: url,
      agent: false,
      headers: {
        ...others,
        accept: headers.accept ?? "*/*",
        "accept-encoding": this.encoding ?? "identity",
        connection: "close",
      },
    });
    passed.end(body);
    const [came] = await once(passed, "response");
    let bytes = await whole(came);
    let { statusCode } = came;
    if (url === "/config.json" && this.config !== null) {
      bytes = Buffer.from(JSON.stringify(this.config));
      statusCode = 200;
    }
    bytes = this.alter(url, bytes, made) ?? bytes;
    const { connection: __, "transfer-encoding": ___, ...sent } = came.headers;
    made.status = statusCode;
    answer.writeHead(statusCode, { ...sent, "content-length": bytes.length });
    answer.end(method === "HEAD" ? undefined : bytes);
  }
}

async function whole(stream) {
  const chunks = [];
  for await (const chunk of stream) {
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}
