// Somebody with a device: what is typed, what is pressed, what is read, and what the browser complained of.
import { readFile } from "node:fs/promises";
import { createRequire } from "node:module";

const axe = await readFile(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");

export class Visitor {
  /** Faults that the browser told, and requests that it made. */
  complaints = [];
  requests = [];

  static async arrives(
    browser,
    url,
    { language = "id", theme = "light", size, path = "/", script = true, listed = true, early = false, clock = false } = {},
  ) {
    const context = await browser.newContext({
      viewport: size ?? { width: 360, height: 740 },
      locale: language === "id" ? "id-ID" : "en-GB",
      timezoneId: "Asia/Jakarta",
      colorScheme: theme,
      reducedMotion: "reduce",
      javaScriptEnabled: script,
    });
    context.setDefaultTimeout(15_000);
    const visitor = new Visitor();
    Object.assign(visitor, { context, language, url, page: await context.newPage() });
    const { page } = visitor;
    context.on("request", (request) => visitor.requests.push(request));
    page.on("pageerror", (error) => visitor.complaints.push(String(error)));
    page.on(
      "console",
      (message) => message.type() === "error" && visitor.complaints.push(`${message.text()} ${message.location().url}`),
    );
    if (clock) {
      await page.clock.install();
    }
    await page.goto(url + path);
    if (early) {
      await page.locator("main [role=alert]").waitFor();
    }
    if (script && language === "en") {
      visitor.language = "id";
      await visitor.turn();
    }
    if (script && listed) {
      // The fingerprint comes late, and of the lists a line stands there.
      await page.locator("footer .fingerprint code").waitFor();
      await page
        .locator("footer")
        .filter({ hasText: visitor.say("terbitan ke-", "edition ") })
        .waitFor();
    }
    return visitor;
  }

  /** Of a word in both languages, the one of this device. */
  say(id, en) {
    return this.language === "id" ? id : en;
  }

  /** Goes over to the other language. */
  async turn() {
    const other = this.say("en", "id");
    await this.page.locator(`button.language[lang=${other}]:visible`).click();
    await this.page.locator(`html[lang=${other}]`).waitFor();
    this.language = other;
  }

  /** A button or summary, by its name in both languages. */
  async press(id, en) {
    const name = this.say(id, en);
    await this.page.locator("button, summary").filter({ hasText: name, visible: true }).first().click();
  }

  async tick(id, en, checked = true) {
    await this.page.getByLabel(this.say(id, en), { exact: true }).setChecked(checked);
  }

  /** Types NIKs as a person does, with fields for all; `labels` for those of a family. */
  async type(niks, labels = []) {
    const all = [niks].flat();
    for (let more = 1; more < all.length; more += 1) {
      await this.press("Tambah anggota keluarga", "Add a family member");
    }
    for (const [place, nik] of all.entries()) {
      await this.page.locator("input.nik").nth(place).pressSequentially(nik);
      if (labels[place] !== undefined) {
        await this.page
          .getByLabel(this.say("Sebutan (boleh dikosongkan)", "Name for it (optional)"))
          .nth(place)
          .fill(labels[place]);
      }
    }
  }

  submit() {
    return this.page.locator("form button[type=submit]").click();
  }

  /** Types and checks, and waits for answers. */
  async check(niks, labels) {
    await this.type(niks, labels);
    await this.submit();
    await this.answered();
  }

  answered() {
    return this.page.locator("#results .answers").waitFor({ timeout: 20_000 });
  }

  /** What stands on the screen. */
  async reads(selector = "body") {
    return (await this.page.locator(selector).innerText()).replace(/\u00a0|\u202f/g, " ").replace(/\n\(/g, " (");
  }

  /** What stands in fields, which is no text of the page. */
  fields() {
    return this.page.locator("textarea, input[type=text]").evaluateAll((all) => all.map(({ value }) => value).join("\n"));
  }

  levels() {
    return this.page.locator("#results .list .verdict").evaluateAll((all) => all.map((one) => one.dataset.level));
  }

  /** What axe finds wrong, a line each. */
  async violations() {
    await this.page.evaluate(axe);
    return this.page.evaluate(async () => {
      const { violations } = await globalThis.axe.run(document, { resultTypes: ["violations"] });
      return violations.map(({ id, nodes }) => `${id}: ${nodes.map(({ html }) => html).join(" | ")}`);
    });
  }

  /** What of the page reaches beyond the screen to the side, at a width, with text so large. */
  async overflow(width, text = "100%") {
    const before = this.page.viewportSize();
    await this.page.setViewportSize({ width, height: 740 });
    const beyond = await this.page.evaluate((text) => {
      const { style, clientWidth } = document.documentElement;
      style.fontSize = text;
      const reaches = document.documentElement.scrollWidth > clientWidth;
      const found = [...document.querySelectorAll("body *")]
        .filter((one) => one.getBoundingClientRect().right > clientWidth + 1)
        .map((one) => `${one.tagName} ${one.className} ${one.textContent.slice(0, 40)}`);
      style.fontSize = "";
      return reaches ? found : [];
    }, text);
    await this.page.setViewportSize(before);
    return beyond;
  }

  /** Everything that is kept on the device, as text. */
  kept() {
    return this.page.evaluate(async () => {
      const text = (value) => {
        if (value instanceof Uint8Array) {
          return new TextDecoder("latin1").decode(value);
        }
        return typeof value === "object" && value !== null ? Object.values(value).map(text).join("\n") : String(value);
      };
      const all = (request) => new Promise((resolve) => (request.onsuccess = () => resolve(request.result)));
      const names = (await indexedDB.databases()).map(({ name }) => name);
      const found = [];
      for (const name of names) {
        const database = await all(indexedDB.open(name));
        for (const store of database.objectStoreNames) {
          const files = database.transaction(store).objectStore(store);
          const [keys, values] = await Promise.all([all(files.getAllKeys()), all(files.getAll())]);
          keys.forEach((key, place) => found.push(["database", text(key), text(values[place])]));
        }
        database.close();
      }
      for (const name of await caches.keys()) {
        const cache = await caches.open(name);
        for (const request of await cache.keys()) {
          const bytes = new Uint8Array(await (await cache.match(request)).arrayBuffer());
          found.push(["cache", `${name} ${request.url}`, text(bytes)]);
        }
      }
      for (const storage of [localStorage, sessionStorage]) {
        Object.entries(storage).forEach(([key, value]) => found.push(["local", key, value]));
      }
      if (document.cookie !== "") {
        found.push(["cookie", "", document.cookie]);
      }
      return found;
    });
  }

  /** Waits until the page may be opened without a network. */
  async keptForLater() {
    await this.page.evaluate(async () => {
      await navigator.serviceWorker.ready;
      while (navigator.serviceWorker.controller === null) {
        await new Promise((soon) => setTimeout(soon, 20));
      }
    });
  }

  /** What the browser complained of, without what it always tells of a request that failed. */
  unexpected() {
    return this.complaints.filter((one) => !/^Failed to load resource: /.test(one));
  }

  leaves() {
    return this.context.close();
  }
}
