/** A draft of a report to the supervisor, filled in on the device alone and printed (Perbawaslu 8/2020, form of a report). */
import type { Manifest, Support } from "ceknik";
import { button, el, freshId } from "./dom";
import { inIndonesian } from "./language";
import { printPart } from "./print";
import { words } from "./text/draft";

export interface Found {
  manifest: Manifest;
  supports: Support[];
}

/**
 * The form, with what the check tells filled in. In Indonesian whatever the page speaks: it goes to an Indonesian office.
 * `known`: since when that is known. `about`: what somebody calls the one of several people whom it is about, who may be the
 * reporter or not; null where one NIK was checked.
 */
export function draft(found: Found[], known: Date, about: string | null, close: () => void): HTMLElement {
  const since = inIndonesian(known);
  const told = about === null ? words.mine : words.somebodys;
  const text = (of: Manifest["candidates"], id: string) => of[id]?.id ?? id;
  const events = found.flatMap(({ manifest, supports }) =>
    supports.map(({ candidate, status }) =>
      told.event(
        manifest.title.id,
        inIndonesian(new Date(manifest.published_at)),
        text(manifest.candidates, candidate),
        text(manifest.statuses, status),
      ),
    ),
  );
  const parties = found.flatMap(({ manifest, supports }) => supports.map(({ candidate }) => text(manifest.candidates, candidate)));
  const section = (title: string, ...fields: (HTMLElement | false)[]) =>
    el("section", {}, el("h3", {}, title), ...fields);
  return el(
    "section",
    { class: "card report", lang: "id", "aria-label": [words.title, about].filter(Boolean).join(": ") },
    el("h2", {}, words.title),
    about !== null && el("p", { class: "lead no-print" }, words.about(about)),
    el("p", { class: "quiet no-print" }, words.intro),
    el("p", { class: "no-print" }, told.intro),
    el("p", { class: "quiet no-print", lang: "en" }, `${words.introEnglish} ${told.introEnglish}`),
    section(
      words.reporter,
      field(words.name),
      field(words.birth),
      field(words.sex),
      field(words.occupation),
      field(words.citizenship, words.indonesia),
      field(words.address),
      field(words.phone),
    ),
    section(words.reported, field(words.reportedWho, [...new Set(parties)].join(", ")), field(words.reportedAddress)),
    section(
      words.what,
      about !== null && field(words.listed),
      field(words.happened, [...new Set(events)].join("\n"), 4),
      field(words.where),
      field(words.when),
      field(words.known, since),
    ),
    section(words.witnesses, field(words.witness, "", 2)),
    section(words.evidence, field(words.evidenceList, words.evidenceGiven(since), 2)),
    section(words.chronology, field(words.chronologyHint, told.chronology(since), 4)),
    el("div", { class: "signature only-print" }, el("p", {}, words.place), el("p", {}, words.signature)),
    el(
      "p",
      { class: "actions no-print" },
      button(words.print, () => printPart("report"), "main"),
      button(words.close, close),
    ),
  );
}

/** A field that grows with its text, and its text for paper, on which a field would be cut off. */
function field(name: string, value = "", lines = 1): HTMLElement {
  const id = freshId("report");
  const paper = el("div", { class: "filled only-print" }, value);
  const input = el(
    "textarea",
    {
      id,
      rows: Math.max(lines, value.split("\n").length),
      autocomplete: "off",
      autocorrect: "off",
      spellcheck: "false",
      writingsuggestions: "false",
      oninput: ({ target }: { target: HTMLTextAreaElement }) => {
        paper.textContent = target.value;
        while (target.scrollHeight > target.clientHeight && target.rows < 30) {
          target.rows += 1;
        }
      },
    },
    value,
  );
  return el("div", { class: "field" }, el("label", { for: id }, name), input, paper);
}
