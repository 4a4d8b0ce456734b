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

/** The form, with what the check tells filled in. In Indonesian whatever the page speaks: it goes to an Indonesian office. */
export function draft(found: Found[], close: () => void): HTMLElement {
  const today = inIndonesian(new Date());
  const text = (of: Manifest["candidates"], id: string) => of[id]?.id ?? id;
  const events = found.flatMap(({ manifest, supports }) =>
    supports.map(({ candidate, status }) =>
      words.event(
        manifest.title.id,
        inIndonesian(new Date(manifest.published_at)),
        text(manifest.candidates, candidate),
        text(manifest.statuses, status),
      ),
    ),
  );
  const parties = found.flatMap(({ manifest, supports }) => supports.map(({ candidate }) => text(manifest.candidates, candidate)));
  const section = (title: string, ...fields: HTMLElement[]) => el("section", {}, el("h3", {}, title), ...fields);
  return el(
    "section",
    { class: "card report", lang: "id", "aria-label": words.title },
    el("h2", {}, words.title),
    el("p", { class: "quiet no-print" }, words.intro),
    el("p", { class: "quiet no-print", lang: "en" }, words.introEnglish),
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
      field(words.happened, [...new Set(events)].join("\n"), 4),
      field(words.where),
      field(words.when),
      field(words.known, today),
    ),
    section(words.witnesses, field(words.witness, "", 2)),
    section(words.evidence, field(words.evidenceList, words.evidenceGiven(today), 2)),
    section(words.chronology, field(words.chronologyHint, words.chronologyGiven(today), 4)),
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
