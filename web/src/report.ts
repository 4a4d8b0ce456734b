/** A draft of a report to the supervisor, filled in on the device alone and printed (Perbawaslu 8/2020, form of a report). */
import type { Manifest, Support } from "ceknik";
import { el, freshId } from "./dom";
import { day, said } from "./language";
import { report as texts } from "./text/report";

export interface Found {
  manifest: Manifest;
  supports: Support[];
}

/** The form, with what the check tells filled in. */
export function reportDraft(found: Found[], close: () => void): HTMLElement {
  const words = texts();
  const today = day(new Date());
  const what = found
    .flatMap(({ manifest, supports }) =>
      supports.map(({ candidate, status }) => {
        const text = (of: Record<string, { id: string; en: string }>, id: string) => (of[id] ? said(of[id]) : id);
        return words.event(
          said(manifest.title),
          day(new Date(manifest.published_at)),
          text(manifest.candidates, candidate),
          text(manifest.statuses, status),
        );
      }),
    )
    .join("\n");
  const parties = found.flatMap(({ manifest, supports }) =>
    supports.map(({ candidate }) => (manifest.candidates[candidate] ? said(manifest.candidates[candidate]) : candidate)),
  );
  const field = (name: string, value = "", lines = 1) => {
    const id = freshId("report");
    const off = { autocomplete: "off", autocorrect: "off", spellcheck: "false" };
    const input =
      lines > 1
        ? el("textarea", { id, rows: lines, ...off, oninput: grow }, value)
        : el("input", { id, type: "text", value, ...off });
    return el("p", { class: "field" }, el("label", { for: id }, name), input);
  };
  return el(
    "section",
    { class: "card report", "aria-label": words.title },
    el("h2", {}, words.title),
    el("p", { class: "quiet no-print" }, words.intro),
    el("h3", {}, words.reporter),
    field(words.name),
    field(words.birth),
    field(words.sex),
    field(words.occupation),
    field(words.citizenship, words.indonesia),
    field(words.address, "", 2),
    field(words.phone),
    el("h3", {}, words.reported),
    field(words.reportedWho, [...new Set(parties)].join(", ")),
    field(words.reportedAddress, "", 2),
    el("h3", {}, words.what),
    field(words.happened, what, 4),
    field(words.where),
    field(words.when),
    field(words.known, today),
    el("h3", {}, words.witnesses),
    field(words.witness, "", 3),
    el("h3", {}, words.evidence),
    field(words.evidenceList, words.evidenceGiven(today), 3),
    el("h3", {}, words.chronology),
    field(words.chronologyHint, words.chronologyGiven(today), 6),
    el("p", { class: "signature only-print" }, words.signature),
    el(
      "p",
      { class: "actions no-print" },
      el("button", { type: "button", class: "main", onclick: () => printAs("report") }, words.print),
      el("button", { type: "button", onclick: close }, words.close),
    ),
  );
}

function grow({ target }: { target: HTMLTextAreaElement }): void {
  target.rows = Math.max(target.rows, target.value.split("\n").length + 1);
}

/** Prints one part of the page. */
export function printAs(part: "answer" | "report"): void {
  document.body.dataset["print"] = part;
  window.print();
  delete document.body.dataset["print"];
}
