// A server of pages: the example, with the package beside it, under a policy as strict as pages have.
import { readFile } from "node:fs/promises";
import { createServer } from "node:http";
import { once } from "node:events";
import { extname } from "node:path";

const TYPES = { ".html": "text/html", ".js": "text/javascript", ".wasm": "application/wasm" };

/** Serves the example for a service. `workers` is what the policy says of them. */
export async function pages(service, workers = "'self'") {
  const policy = [
    "default-src 'none'",
    "script-src 'self' 'wasm-unsafe-eval'",
    `worker-src ${workers}`,
    `connect-src 'self' ${service}`,
    "base-uri 'none'",
    "form-action 'none'",
  ].join("; ");
  const server = createServer(async ({ url }, response) => {
    const path = new URL(url, "http://x").pathname;
    const file = path.startsWith("/ceknik/")
      ? `../dist/${path.slice(8)}`
      : `../example${path === "/" ? "/index.html" : path}`;
    try {
      let body = await readFile(new URL(file, import.meta.url));
      if (path === "/embed.js") {
        // What whoever embeds it writes there.
        body = body.toString().replace("https://cek.example.org", service);
      }
      response.writeHead(200, { "content-type": TYPES[extname(file)] ?? "text/plain", "content-security-policy": policy });
      response.end(body);
    } catch {
      response.writeHead(404).end();
    }
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return { url: `http://127.0.0.1:${server.address().port}/`, stop: () => server.close() };
}
