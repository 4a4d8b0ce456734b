/** The page: a form, the steps of a check, answers, and what left the device. */
import { load, prepareWorker } from "ceknik";
import type { CeknikError, Dataset, DatasetStatus } from "ceknik";
import { ahead } from "./ahead";
import type { Whose } from "./answers";
import { Checking } from "./checking";
import type { Config } from "./config";
import { device, forgetEverything, openStorage, share, watchLeaving } from "./device";
import { prepareDistricts } from "./districts";
import { button, el, put, speaker } from "./dom";
import { fingerprint } from "./fingerprint";
import { Form } from "./form";
import { keepList } from "./keep";
import { choose, chooseKept, language, moment, said, t } from "./language";
import { loadsOf } from "./lists";
import { keepPage } from "./offline";
import { outlook } from "./outlook";
import * as preferences from "./preferences";
import { preparePrinting } from "./print";
import { keptNothing, settingsShown } from "./settings";

const set = { theme: preferences.theme() };

/** What is to be said above the form. */
const notices = {
  takeOver: null as (() => void) | null,
  /** Why there are no lists; null when there are, or it is not known yet. */
  noLists: null as "unreachable" | "none" | null,
  noneChosen: false,
  cleared: false,
  emptied: false,
  noEnglish: false,
};

let settings: Config | null = null;
/** Why nothing can be checked here. */
let hindrance: { error: unknown } | null = null;
let lists: Dataset[] | null = null;
/** How busy the service is, by list; none where it does not say. */
let busy = new Map<string, DatasetStatus["load"]>();
/** Lists that are on their way. */
let finding: Promise<void> | null = null;
/** How often the screen was emptied: what waited to be checked before that is not. */
let emptied = 0;

const top = el("header");
const told = el("div", { class: "notices no-print", role: "status" });
const checking = new Checking(() => {
  empty();
  form.focus();
});
const form = new Form(
  check,
  () => {
    outlook.typed();
    startWorker();
  },
  () =>
    settingsShown(set, {
      shared: (shared) => void shareDevice(shared),
      keep: keepLists,
      clear: () => void clearDevice(),
    }),
);
const bottom = el("footer", { class: "no-print" });
/** Says that the screen is emptied soon, wherever on the page somebody reads. */
const leaving = el("div", { class: "leaving no-print", role: "alert" });
let stay: (() => void) | null = null;

/** Whatever must be there before anything is checked. Begun at once, while the form can be filled in already. */
const prepared = prepare();

async function prepare(): Promise<Config> {
  const [read] = await Promise.all([outlook.configured, load(), openStorage()]);
  outlook.open({ storage: device.storage, keepList });
  settings = read;
  return read;
}

async function start(): Promise<void> {
  preferences.showTheme(set.theme);
  preparePrinting();
  await chooseKept();
  document.body.append(speaker);
  const main = el("main", { id: "main", tabindex: -1 }, told, form.element, checking.element);
  // Without a change of the address, which may say more.
  const skip = (event: Event) => {
    event.preventDefault();
    main.focus();
  };
  put(
    document.getElementById("app") as HTMLElement,
    el("a", { class: "skip", href: "#main", onclick: skip }, t().skip),
    top,
    main,
    bottom,
    leaving,
  );
  redraw();
  const found = outlook.configured.then(findLists, () => undefined);
  try {
    await prepared;
  } catch (error) {
    hindrance = { error };
    redraw();
    return;
  }
  watchLeaving(
    (idle) => {
      empty();
      notices.emptied = idle;
      tell();
    },
    (staying) => {
      stay = staying;
      warn();
    },
  );
  // Somebody opens a bookmark of the page, for a device that others use, in the tab in which it is open.
  addEventListener("hashchange", () => preferences.isShared() && location.reload());
  for (const event of ["online", "offline"]) {
    addEventListener(event, () => {
      tell();
      if (navigator.onLine && lists === null) {
        void findLists();
      }
    });
  }
  tell();
  await found;
  prepareDistricts();
  // What somebody waits for comes first.
  await ahead.quiet();
  if (!preferences.isShared()) {
    await keepPage(newVersion);
  }
}

/** In the language that is chosen now. */
function redraw(): void {
  document.documentElement.lang = language();
  document.title = t().title;
  header();
  tell();
  warn();
  form.redraw();
  checking.redraw();
  footer();
  if (hindrance !== null) {
    cannotStart(hindrance.error);
  }
}

function header(): void {
  const other = language() === "id" ? "en" : "id";
  const turn = button(
    t().otherLanguage,
    () => {
      void choose(other).then(() => {
        preferences.keepLanguage(language());
        notices.noEnglish = language() !== other;
        redraw();
        top.querySelector("button")?.focus();
      });
    },
    "language no-print",
  );
  turn.lang = other;
  put(
    top,
    el("div", { class: "bar" }, el("h1", {}, t().title), turn),
    el("p", { class: "no-print" }, t().subtitle),
    el("p", { class: "promise no-print" }, t().promise, " ", el("a", { href: `cara-kerja.html${location.hash}` }, t().how)),
  );
}

function tell(): void {
  const { takeOver, noLists, noneChosen, cleared, emptied, noEnglish } = notices;
  const fresh = el(
    "div",
    {},
    !navigator.onLine && el("p", { class: "warning" }, t().offlineNow),
    takeOver !== null && el("div", { class: "warning" }, el("p", {}, t().newVersion), button(t().reload, takeOver, "small")),
    noEnglish && el("p", { class: "warning", lang: "en" }, t().noEnglish),
    noLists === "none" && el("p", { class: "warning" }, t().noLists),
    noLists === "unreachable" &&
      navigator.onLine &&
      el("div", { class: "warning" }, el("p", {}, t().listsUnreachable), button(t().retryNow, () => void findLists(), "small")),
    noneChosen && el("p", { class: "warning" }, t().noneChosen),
    device.forgetful && el("p", { class: "warning" }, t().forgetful),
    cleared && el("p", { class: "calm" }, t().cleared),
    emptied && el("p", { class: "calm" }, t().emptied),
  );
  // What stays as it is would be read out again.
  if (fresh.textContent !== told.textContent) {
    put(told, ...fresh.childNodes);
  }
}

function warn(): void {
  put(leaving, stay && el("p", {}, t().leavingSoon), stay && button(t().stay, stay, "small"));
}

function state({ title, epoch, validUntil }: Dataset): string {
  const until = new Date(validUntil);
  return t().statusLine(said(title), epoch, moment(until), until > new Date());
}

function footer(): void {
  const build = el("p", { class: "fingerprint" });
  void fingerprint().then((hash) => {
    if (hash !== null) {
      const how = `cara-kerja.html${preferences.addressWith(preferences.FINGERPRINT)}`;
      put(build, `${t().build}: `, el("code", {}, hash), " ", el("a", { href: how }, t().buildHow));
    }
  });
  // What is the same for all lists is said once.
  const loads = [...new Set((lists ?? []).flatMap(({ id }) => busy.get(id) ?? []))];
  put(
    bottom,
    ...(lists ?? []).map((list) => {
      const load = busy.get(list.id);
      return el("p", {}, state(list), loads.length > 1 && load !== undefined && ` ${t().loads[load]}`);
    }),
    loads.length === 1 && el("p", {}, loads.map((load) => t().loads[load]).join("")),
    el("p", {}, t().trouble),
    build,
  );
}

/** Learns which lists there are; from an earlier visit at once, so that nobody waits for that. */
function findLists(): Promise<void> {
  finding ??= (async () => {
    const { server } = await outlook.configured;
    const offer = (found: Dataset[]) => {
      lists = found;
      form.offer(lists);
      footer();
    };
    void loadsOf(server).then((found) => {
      busy = found;
      footer();
    });
    // Asked for at once. Where they cannot be had, those of an earlier visit do.
    const fresh = outlook.found();
    const kept = lists === null ? await outlook.kept() : null;
    if (kept !== null) {
      offer(kept);
    }
    const found = await fresh;
    if (found !== null) {
      offer(found);
    }
    notices.noLists = lists === null ? "unreachable" : lists.length === 0 ? "none" : null;
    tell();
  })().finally(() => (finding = null));
  return finding;
}

async function check(people: Whose[]): Promise<void> {
  const begun = emptied;
  notices.cleared = notices.emptied = false;
  tell();
  footer();
  try {
    await prepared;
  } catch {
    return; // Which is said already.
  }
  if (lists === null || lists.length === 0) {
    await findLists();
  }
  const chosen = form.chosen();
  notices.noneChosen = lists !== null && lists.length > 0 && chosen.length === 0;
  tell();
  if (emptied !== begun) {
    return;
  }
  if (settings === null || chosen.length === 0) {
    told.scrollIntoView({ block: "nearest" });
    return;
  }
  outlook.begins();
  void checking.begin({ settings, lists: chosen, people, neverContact: preferences.addressSays(preferences.NO_CONTACT) });
}

/** Keeps the lists that are chosen, and whatever a check needs without a network. */
async function keepLists(): Promise<Date | null> {
  startWorker();
  try {
    await prepared;
  } catch {
    return null; // Likewise.
  }
  if (lists === null) {
    await findLists();
  }
  return outlook.keep();
}

function startWorker(): void {
  prepareWorker().catch(() => undefined); // The module cannot be had, which is said elsewhere.
}

/** Takes every NIK and answer off the screen. */
function empty(): void {
  emptied += 1;
  checking.empty();
  form.empty();
}

/** Ends whatever would write to the device, before that is cleared. */
function end(): void {
  outlook.forgets();
  keptNothing();
}

async function clearDevice(): Promise<void> {
  end();
  set.theme = "auto";
  preferences.showTheme(set.theme);
  empty();
  await forgetEverything();
  notices.cleared = true;
  tell();
  form.focus();
}

async function shareDevice(shared: boolean): Promise<void> {
  end();
  const done = share(shared, newVersion);
  // Their links lead on with what the address says now.
  header();
  footer();
  await done;
  tell();
}

function newVersion(takeOver: () => void): void {
  notices.takeOver = takeOver;
  tell();
}

/** Says why nothing can be checked here, and what to do. */
function cannotStart(error: unknown): void {
  const { code, message } = error as Partial<CeknikError>;
  put(
    document.getElementById("main") as HTMLElement,
    el(
      "section",
      { class: "card", role: "alert" },
      el("h2", {}, t().cannotStart),
      el("p", {}, typeof WebAssembly !== "object" ? t().noWasm : code === "module" ? t().noModule : t().noConfig),
      el("p", {}, t().elsewhere),
      el("p", { class: "quiet", lang: "en" }, message ?? String(error)),
      button(t().reload, () => location.reload(), "main"),
    ),
  );
}

void start();
