// Every state of the page, in the real Chromium against the real service: what it says in both languages, on a phone and on a
// desktop; that axe finds nothing in either theme, that nothing reaches beyond 320 pixels, and that the browser complains of
// nothing.
import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { day } from "./days.mjs";
import { arrive, scenes } from "./scenes.mjs";
import { DESKTOP, makeWorld, PHONE } from "./world.mjs";

let world;
before(async () => {
  world = await makeWorld();
});
after(() => world?.stop());

const DEVICES = [
  { language: "id", theme: "light", size: PHONE },
  { language: "en", theme: "dark", size: DESKTOP },
];

/** Days that are reckoned from today are in patterns by name. */
function dated(words, language) {
  return words instanceof RegExp
    ? new RegExp(words.source.replace("DEADLINE", day(7, language)).replace("TODAY", day(0, language)), words.flags)
    : words;
}

for (const device of DEVICES) {
  const { language, theme, size } = device;
  const place = language === "id" ? 0 : 1;
  describe(`in ${language}, ${theme}, ${size.width} wide`, () => {
    for (const scene of scenes) {
      test(`${scene.name}: ${language}`, async () => {
        const visitor = await arrive(world, scene, device);
        try {
          const shown = `${await visitor.reads()}\n${scene.fields ? await visitor.fields() : ""}`;
          for (const words of scene.says) {
            const wanted = dated(words[place], language);
            assert.ok(
              wanted instanceof RegExp ? wanted.test(shown) : shown.includes(wanted),
              `${wanted} is not in:\n${shown}`,
            );
          }
          for (const words of scene.never ?? []) {
            assert.ok(!shown.includes(words[place]), `${words[place]} is in:\n${shown}`);
          }
          if (scene.levels !== undefined) {
            assert.deepEqual(await visitor.levels(), scene.levels);
          }
          if (scene.inSight !== undefined) {
            const { y, height } = await visitor.page.locator(scene.inSight).boundingBox();
            // The browser scrolls by whole pixels.
            assert.ok(y > -1 && y + height <= size.height, `${scene.inSight} is at ${y}`);
          }
          assert.deepEqual(await visitor.overflow(320), []);
          assert.deepEqual(await visitor.overflow(320, "200%"), []);
          if (scene.script !== false) {
            assert.deepEqual(await visitor.violations(), []);
          }
          assert.deepEqual(visitor.unexpected(), []);
        } finally {
          visitor.release?.();
          await visitor.leaves();
        }
      });
    }
  });
}
