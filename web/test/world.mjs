// All that a test of the page needs: a home, the service on it, a proxy before that, and Chromium.
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { chromium } from "playwright-core";
import { makeHome } from "./home.mjs";
import { Proxy } from "./proxy.mjs";
import { Service } from "./service.mjs";
import { Visitor } from "./visitor.mjs";

export const PHONE = { width: 360, height: 740 };
export const DESKTOP = { width: 1280, height: 800 };

/** Makes one; where `CEKNIK_TEST_HOME` names a home that was made for several, on that. */
export async function makeWorld() {
  const made = process.env.CEKNIK_TEST_HOME === undefined ? await makeHome() : null;
  const home = made?.home ?? process.env.CEKNIK_TEST_HOME;
  const service = new Service(home);
  await service.start();
  const proxy = new Proxy(service);
  await proxy.start();
  const browser = await chromium.launch({
    executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium",
    args: ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-component-update"],
  });
  return {
    service,
    proxy,
    browser,
    people: JSON.parse(await readFile(join(home, "people.json"), "utf8")),
    policy: await readFile(join(home, "public/policy"), "utf8"),
    manifest: async (id) => JSON.parse(await readFile(join(home, `public/datasets/${id}/epochs/1/manifest`), "utf8")),
    evaluationKey: (id) => join(home, `keys/oprf/${id}.1.key`),
    /** Somebody with a device that was never here. */
    visit: (how) => Visitor.arrives(browser, proxy.url, how),
    /** Everything as at the beginning. */
    reset: async (...flags) => {
      proxy.reset();
      await service.start(...flags);
    },
    stop: async () => {
      await browser.close();
      proxy.stop();
      await service.stop();
      await made?.remove();
    },
  };
}
