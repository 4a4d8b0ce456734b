/** "How it works": the language and the theme of the page itself, and the fingerprint of this copy. */
import { fingerprint } from "./fingerprint";
import * as preferences from "./preferences";
import { FINGERPRINT, addressSays, addressWith } from "./preferences";
import type { Language } from "./preferences";

function show(language: Language): void {
  const root = document.documentElement;
  root.lang = language;
  root.dataset["language"] = language;
  document.title = document.querySelector<HTMLElement>(`section[lang="${language}"]`)?.dataset["title"] ?? document.title;
}

preferences.showTheme(preferences.theme());
show(preferences.language());
for (const button of document.querySelectorAll<HTMLButtonElement>("button[data-to]")) {
  button.hidden = false;
  button.addEventListener("click", () => {
    const language = button.dataset["to"] === "en" ? "en" : "id";
    preferences.keepLanguage(language);
    show(language);
    document.querySelector<HTMLButtonElement>(`button[data-to="${language === "en" ? "id" : "en"}"]`)?.focus();
  });
}
for (const link of document.querySelectorAll<HTMLAnchorElement>("a.back")) {
  link.hash = addressWith(FINGERPRINT, false);
}
if (addressSays(FINGERPRINT)) {
  // In the language that is shown, and though the address may say more than that.
  document.querySelector(`section[lang="${document.documentElement.lang}"] .fingerprints`)?.scrollIntoView();
}
void fingerprint().then((hash) => {
  for (const place of document.querySelectorAll("[data-fingerprint]")) {
    place.textContent = hash ?? "—";
  }
});
