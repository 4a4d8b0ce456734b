import { check, indexedDbStorage, memoryStorage } from "./ceknik/index.js";
const storage = indexedDbStorage().catch(memoryStorage);
const words = { listed: "Tercantum", not_listed: "Tidak tercantum", maybe: "Mungkin tercantum", no_answer: "Belum ada jawaban" };
const [form, nik, shown] = ["#cek", "#nik", "#jawaban"].map((name) => document.querySelector(name));
let running; // One check at a time, and no answer beside a NIK that it is not about.
const anew = () => (running?.abort(), (shown.textContent = ""), (running = new AbortController()));
nik.addEventListener("input", anew);
form.addEventListener("submit", async (event) => {
  event.preventDefault();
  const { signal } = anew();
  try {
    const { outcomes: [{ answer, asOf, warnings }] } = await check({
      server: "https://cek.example.org", dataset: "demo", niks: [nik.value], storage: await storage, signal,
      onProgress: ({ kind }) => (shown.textContent = `… ${kind}`),
    });
    shown.textContent = [`${words[answer.code]} (${asOf ?? answer.reason})`, ...warnings.map(({ text }) => text)].join("; ");
  } catch (error) {
    if (!signal.aborted) shown.textContent = `${words.no_answer} (${error.message})`;
  }
});
