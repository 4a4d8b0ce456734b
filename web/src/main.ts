/** The page: a form, the steps of a check, answers, and what left the device. */
import "./style.css";
import { datasets, indexedDbStorage, load, memoryStorage } from "ceknik";
import type { Dataset, Manifest, Storage, Support } from "ceknik";
import { answerCards } from "./answers";
import type { Whose } from "./answers";
import { config, home } from "./config";
import type { Config } from "./config";
import { prepareDistricts } from "./districts";
import { el, freshId, moveTo, put } from "./dom";
import { nikField } from "./field";
import type { NikField } from "./field";
import { choose, duration, language, moment, said, t } from "./language";
import { nextSteps } from "./next";
import { fingerprint } from "./fingerprint";
import * as preferences from "./preferences";
import type { Theme } from "./preferences";
import { printAs, reportDraft } from "./report";
import { Requests } from "./requests";
import { retryAfter, run } from "./run";
import type { Result } from "./run";
import { Steps } from "./steps";

/** With a device that others use as well, the screen is emptied after so long without a touch. */
const IDLE = 3 * 60_000;

interface Person {
  label: string;
  text: string;
}

/** Everything that the page knows. The NIKs are here, and nowhere else. */
const state = {
  people: [{ label: "", text: "" }] as Person[],
  lists: [] as Dataset[],
  chosen: null as Set<string> | null,
  neverContact: false,
  shared: false,
  theme: preferences.theme(),
  message: "",
  newVersion: null as ServiceWorker | null,
};

let settings: Config = { server: home(), policy: null, datasets: null };
let storage: Storage;
let running: AbortController | null = null;
let retrying: ReturnType<typeof setTimeout> | undefined;
let idle: ReturnType<typeof setTimeout> | undefined;

const app = document.getElementById("app") as HTMLElement;
const results = el("div", { id: "results" });

async function start(): Promise<void> {
  preferences.showTheme(state.theme);
  if (typeof WebAssembly !== "object") {
    put(app, el("main", { class: "card" }, el("h1", {}, t().title), el("p", {}, t().noWasm)));
    return;
  }
  [settings] = await Promise.all([config(), load()]);
  storage = await indexedDbStorage();
  render();
  prepareDistricts();
  await findLists();
  void keepOffline();
}

async function findLists(): Promise<void> {
  try {
    const found = await datasets(settings.server);
    state.lists = found.filter(({ id }) => settings.datasets === null || settings.datasets.includes(id));
    state.message = state.lists.length === 0 ? t().noLists : "";
  } catch {
    state.message = t().reasons["unreachable"] ?? "";
  }
  render();
}

async function keepOffline(): Promise<void> {
  if (!("serviceWorker" in navigator)) {
    return;
  }
  try {
    const registration = await navigator.serviceWorker.register("sw.js");
    const waiting = () => {
      if (registration.waiting !== null && navigator.serviceWorker.controller !== null) {
        state.newVersion = registration.waiting;
        render();
      }
    };
    waiting();
    registration.addEventListener("updatefound", () => registration.installing?.addEventListener("statechange", waiting));
  } catch {
    // In some apps' browsers there is none: the page works, and needs the network the next time.
  }
}

/** Draws everything but the results, which stay as they are. */
function render(): void {
  document.documentElement.lang = language();
  document.title = t().title;
  put(
    app,
    el("a", { class: "skip", href: "#main" }, t().skip),
    header(),
    el("main", { id: "main" }, notices(), form(), results),
    footer(),
  );
}

function header(): HTMLElement {
  const other = language() === "id" ? "en" : "id";
  return el(
    "header",
    {},
    el(
      "button",
      {
        type: "button",
        class: "language",
        lang: other,
        onclick: () => {
          choose(other);
          preferences.keepLanguage(other, state.shared);
          showAgain();
        },
      },
      t().otherLanguage,
    ),
    el("h1", {}, t().title),
    el("p", {}, t().subtitle),
    el("p", { class: "promise" }, t().promise),
  );
}

function notices(): HTMLElement {
  const { newVersion } = state;
  return el(
    "div",
    { class: "notices no-print" },
    !navigator.onLine && el("p", { class: "warning" }, t().offlineNow),
    newVersion !== null &&
      el(
        "p",
        { class: "warning" },
        t().newVersion,
        " ",
        el(
          "button",
          {
            type: "button",
            class: "small",
            onclick: () => {
              navigator.serviceWorker.addEventListener("controllerchange", () => location.reload(), { once: true });
              newVersion.postMessage("take over");
            },
          },
          t().reload,
        ),
      ),
    state.message !== "" && el("p", { class: "warning", role: "status" }, state.message),
  );
}

function form(): HTMLElement {
  const several = state.people.length > 1;
  const fields: NikField[] = [];
  const rows = state.people.map((person, place) => {
    const who = person.label || t().person(place + 1);
    const nik = nikField(person.text, several ? `${t().nikLabel}, ${who}` : t().nikLabel, (text) => (person.text = text));
    fields.push(nik);
    if (!several) {
      return nik.element;
    }
    const id = freshId("label");
    return el(
      "fieldset",
      {},
      el("legend", {}, t().person(place + 1)),
      el(
        "p",
        { class: "field" },
        el("label", { for: id }, t().label),
        el("input", {
          id,
          type: "text",
          value: person.label,
          maxlength: 40,
          autocomplete: "off",
          oninput: ({ target }: { target: HTMLInputElement }) => (person.label = target.value),
        }),
        el("span", { class: "hint" }, t().labelHint),
      ),
      nik.element,
      el(
        "button",
        {
          type: "button",
          class: "small",
          onclick: () => {
            state.people.splice(place, 1);
            render();
          },
        },
        t().removePerson(who),
      ),
    );
  });
  const go = (event: Event) => {
    event.preventDefault();
    submit(fields);
  };
  return el(
    "form",
    { class: "card no-print", novalidate: true, autocomplete: "off", onsubmit: go },
    ...rows,
    several && el("p", { class: "quiet" }, t().familyConsent),
    choices(),
    el("button", { type: "submit", class: "main" }, several ? t().checkAll(state.people.length) : t().check),
    " ",
    el(
      "button",
      {
        type: "button",
        onclick: () => {
          state.people.push({ label: "", text: "" });
          render();
        },
      },
      t().addPerson,
    ),
    settingsView(),
  );
}

/** Which lists, where there are several. */
function choices(): HTMLElement | null {
  if (state.lists.length < 2) {
    return null;
  }
  return el(
    "fieldset",
    {},
    el("legend", {}, t().which),
    ...state.lists.map(({ id, title }) => {
      const box = freshId("list");
      return el(
        "p",
        { class: "choice" },
        el("input", {
          id: box,
          type: "checkbox",
          checked: state.chosen?.has(id) ?? true,
          onchange: ({ target }: { target: HTMLInputElement }) => {
            state.chosen ??= new Set(state.lists.map((list) => list.id));
            state.chosen[target.checked ? "add" : "delete"](id);
          },
        }),
        el("label", { for: box }, said(title)),
      );
    }),
  );
}

function settingsView(): HTMLElement {
  const box = (label: string, hint: string, checked: boolean, changed: (checked: boolean) => void) => {
    const id = freshId("setting");
    return el(
      "p",
      { class: "choice" },
      el("input", {
        id,
        type: "checkbox",
        checked,
        onchange: ({ target }: { target: HTMLInputElement }) => changed(target.checked),
      }),
      el("label", { for: id }, label, el("span", { class: "hint" }, hint)),
    );
  };
  const themeId = freshId("theme");
  const themes: [Theme, string][] = [
    ["auto", t().themeAuto],
    ["light", t().themeLight],
    ["dark", t().themeDark],
  ];
  return el(
    "details",
    { class: "settings" },
    el("summary", {}, t().settings),
    box(t().neverContact, t().neverContactHint, state.neverContact, (checked) => (state.neverContact = checked)),
    box(t().shared, t().sharedHint, state.shared, (checked) => void share(checked)),
    el(
      "p",
      {},
      el("label", { for: themeId }, `${t().theme} `),
      el(
        "select",
        {
          id: themeId,
          onchange: ({ target }: { target: HTMLSelectElement }) => {
            state.theme = target.value as Theme;
            preferences.showTheme(state.theme);
            preferences.keepTheme(state.theme, state.shared);
          },
        },
        ...themes.map(([value, words]) => el("option", { value, selected: value === state.theme }, words)),
      ),
    ),
    el("p", {}, el("button", { type: "button", onclick: () => void clearDevice() }, t().clear), " "),
    el("p", { class: "hint" }, t().clearHint),
  );
}

function footer(): HTMLElement {
  return el(
    "footer",
    { class: "no-print" },
    ...state.lists.map(({ title, epoch, validUntil }) =>
      el("p", {}, t().statusLine(said(title), epoch, moment(new Date(validUntil)))),
    ),
    fingerprint(),
  );
}

function submit(fields: NikField[]): void {
  const read = fields.map((field) => field.read());
  const wrong = read.findIndex((described) => described === null);
  if (wrong >= 0) {
    fields[wrong]?.focus();
    return;
  }
  const digits = read.map((described) => described?.digits ?? "");
  const twice = digits.findIndex((nik, place) => digits.indexOf(nik) < place);
  if (twice >= 0) {
    fields[twice]?.refuse(t().nikTwice);
    fields[twice]?.focus();
    return;
  }
  const whose = digits.map((nik, place) => ({
    nik: nik.replace(/(.{4})(?=.)/g, "$1 "),
    label: state.people[place]?.label.trim() || (digits.length > 1 ? t().person(place + 1) : t().me),
  }));
  void begin(whose, 0);
}

/** What was checked last, to be shown again in another language, or to be tried again. */
let last: { whose: Whose[]; results: Result[]; requests: Requests } | null = null;

async function begin(whose: Whose[], retries: number, neverContact = state.neverContact): Promise<void> {
  end();
  if (state.lists.length === 0) {
    await findLists();
  }
  const lists = state.lists.filter(({ id }) => state.chosen?.has(id) ?? true);
  if (lists.length === 0) {
    return;
  }
  const controller = new AbortController();
  running = controller;
  const requests = new Requests();
  const steps = new Map<string, Steps>();
  const area = el("div", { class: "stack" });
  const heading = el("h2", {}, t().steps);
  const stop = el("button", { type: "button", onclick: () => controller.abort() }, t().stop);
  put(results, heading, el("p", { class: "quiet" }, t().keepOpen, " ", stop), area, requests.element);
  moveTo(heading);
  try {
    const found = await run(
      {
        config: settings,
        lists,
        niks: whose.map(({ nik }) => nik),
        storage,
        neverContact,
        offline: !navigator.onLine,
      },
      {
        begins: (list) => {
          const shown = new Steps(said(list.title), neverContact);
          steps.set(list.id, shown);
          area.append(shown.element);
        },
        progress: (list, progress) => {
          steps.get(list.id)?.show(progress);
          requests.progress(list.id, progress);
        },
        ended: (result) => {
          const answered = "report" in result && result.report.outcomes.some(({ answer }) => answer.code !== "no_answer");
          steps.get(result.list.id)?.end(answered);
        },
      },
      controller.signal,
    );
    requests.end();
    last = { whose, results: found, requests };
    showAnswers(retryAfter(found, retries), retries);
  } catch (error) {
    if (!controller.signal.aborted) {
      throw error;
    }
    requests.end();
    const words = el("p", { class: "warning", role: "status" }, t().stopped);
    put(results, words, requests.element);
    moveTo(words);
  } finally {
    if (running === controller) {
      running = null;
    }
  }
}

function end(): void {
  running?.abort();
  running = null;
  clearTimeout(retrying);
}

/** Answers of the last check, and what can be done with them. */
function showAnswers(wait: number | null, retries: number): void {
  if (last === null) {
    return;
  }
  const { whose, results: found, requests } = last;
  const heading = el("h2", { class: "unseen" }, t().title);
  const listed: { manifest: Manifest; supports: Support[] }[] = [];
  let maybe = false;
  for (const result of found) {
    for (const { answer } of "report" in result ? result.report.outcomes : []) {
      if (answer.code === "listed" && "report" in result && result.report.list !== null) {
        listed.push({ manifest: result.report.list.manifest, supports: answer.supports });
      }
      maybe ||= answer.code === "maybe";
    }
  }
  const draft = el("div");
  const openDraft = () => {
    const form = reportDraft(listed, () => put(draft));
    put(draft, form);
    moveTo(form.querySelector("h2") ?? form);
  };
  const manifests = [...new Map(listed.map(({ manifest }) => [manifest.dataset, manifest])).values()];
  put(
    results,
    heading,
    el("p", { class: "only-print" }, t().printed(moment(new Date()))),
    wait !== null && retry(wait, whose, retries),
    el("div", { class: "side-by-side", role: "region", "aria-label": t().hitMeaning }, ...found.map((one) => answerCards(one, whose))),
    maybe &&
      navigator.onLine &&
      el(
        "p",
        { class: "no-print" },
        el("button", { type: "button", class: "main", onclick: () => void begin(whose, 0, false) }, t().confirmNow),
      ),
    manifests.length > 0 && nextSteps(manifests, openDraft),
    draft,
    actions(whose),
    requests.element,
  );
  moveTo(heading);
}

function retry(wait: number, whose: Whose[], retries: number): HTMLElement {
  const until = Date.now() + wait;
  const words = el("span", {}, t().retryIn(duration(wait)));
  const tick = () => {
    const left = until - Date.now();
    if (left <= 0) {
      void begin(whose, retries + 1);
    } else {
      words.textContent = t().retryIn(duration(left));
      retrying = setTimeout(tick, Math.min(1000, left));
    }
  };
  retrying = setTimeout(tick, 1000);
  const view = el(
    "p",
    { class: "warning no-print" },
    words,
    " ",
    el("button", { type: "button", class: "small", onclick: () => void begin(whose, retries + 1) }, t().retryNow),
    " ",
    el(
      "button",
      {
        type: "button",
        class: "small",
        onclick: () => {
          clearTimeout(retrying);
          view.remove();
        },
      },
      t().retryStop,
    ),
  );
  return view;
}

function actions(whose: Whose[]): HTMLElement {
  const id = freshId("print");
  return el(
    "p",
    { class: "actions no-print" },
    el("button", { type: "button", onclick: () => printAs("answer") }, t().print),
    el(
      "span",
      { class: "choice" },
      el("input", {
        id,
        type: "checkbox",
        onchange: ({ target }: { target: HTMLInputElement }) => results.classList.toggle("with-nik", target.checked),
      }),
      el("label", { for: id }, t().printNik),
    ),
    el("button", { type: "button", onclick: () => void begin(whose, 0) }, t().sameAgain),
    el("button", { type: "button", onclick: () => empty("") }, t().again),
  );
}

/** Takes every NIK and answer off the screen. */
function empty(message: string): void {
  end();
  last = null;
  state.people = [{ label: "", text: "" }];
  state.message = message;
  results.classList.remove("with-nik");
  put(results);
  render();
  document.querySelector<HTMLInputElement>("input.nik")?.focus();
}

async function clearDevice(): Promise<void> {
  await storage.clear();
  preferences.forgetPreferences();
  if ("caches" in window) {
    await Promise.all((await caches.keys()).filter((key) => key.startsWith("ceknik")).map((key) => caches.delete(key)));
  }
  for (const registration of (await navigator.serviceWorker?.getRegistrations()) ?? []) {
    await registration.unregister();
  }
  empty(t().cleared);
}

async function share(shared: boolean): Promise<void> {
  if (shared) {
    await storage.clear();
    preferences.forgetPreferences();
  }
  storage = shared ? memoryStorage() : await indexedDbStorage();
  state.shared = shared;
  touched();
}

function touched(): void {
  clearTimeout(idle);
  if (state.shared) {
    idle = setTimeout(() => {
      void storage.clear();
      empty(t().emptied);
    }, IDLE);
  }
}

/** After another language was chosen. */
function showAgain(): void {
  render();
  if (last !== null && running === null) {
    showAnswers(null, 0);
  }
}

for (const event of ["pointerdown", "keydown"]) {
  addEventListener(event, touched, { passive: true });
}
addEventListener("pagehide", () => {
  if (state.shared) {
    void storage.clear();
    empty("");
  }
});
for (const event of ["online", "offline"]) {
  addEventListener(event, () => (running === null ? render() : undefined));
}

void start();
