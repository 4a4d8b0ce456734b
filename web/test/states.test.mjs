// Every state of the page, in the real Chromium against the real service: what it says in both languages, also when somebody
// goes over to the other one there, on a phone and on a desktop; that axe finds nothing in either theme, that nothing reaches
// beyond 320 pixels, and that the browser complains of nothing.
import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
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

/** Days that are reckoned from today are in words and patterns by name. */
function dated(words, language) {
  const said = (text) => text.replace("DEADLINE", day(7, language)).replace("TODAY", day(0, language));
  return words instanceof RegExp ? new RegExp(said(words.source), words.flags) : said(words);
}

/** That a scene says what it should in the language of the device; `gone`, too, that nothing of it is left in the other one. */
async function says(visitor, scene, gone) {
  const { language } = visitor;
  const [place, other] = language === "id" ? [0, 1] : [1, 0];
  // What was said aloud in the other language is not taken back.
  const shown = `${await visitor.reads("#app")}\n${scene.fields ? await visitor.fields() : ""}`;
  for (const words of scene.says) {
    const wanted = dated(words[place], language);
    assert.ok(
      wanted instanceof RegExp ? wanted.test(shown) : shown.includes(wanted),
      `${wanted} is not in:\n${shown}`,
    );
    if (gone && typeof words[other] === "string" && words[other] !== words[place]) {
      assert.ok(!shown.includes(dated(words[other], visitor.say("en", "id"))), `${words[other]} is still in:\n${shown}`);
    }
  }
  for (const words of scene.never ?? []) {
    assert.ok(!shown.includes(words[place]), `${words[place]} is in:\n${shown}`);
  }
  if (scene.levels !== undefined) {
    assert.deepEqual(await visitor.levels(), scene.levels);
  }
}

test("of every state it is said what was changed after seeing it", async () => {
  const text = await readFile(new URL("../../docs/page/README.md", import.meta.url), "utf8");
  const [, changed] = text.split("## What was changed after seeing them");
  const untold = scenes.map(({ name }) => name).filter((name) => !changed.includes(`\`${name}\``));
  assert.deepEqual(untold, []);
});

for (const device of DEVICES) {
  const { language, theme, size } = device;
  describe(`in ${language}, ${theme}, ${size.width} wide`, () => {
    for (const scene of scenes) {
      test(`${scene.name}: ${language}`, async () => {
        const visitor = await arrive(world, scene, device);
        try {
          await says(visitor, scene, false);
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
          if (scene.script !== false && !scene.untouched) {
            await visitor.turn();
            await says(visitor, scene, true);
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
