import { check, indexedDbStorage, memoryStorage } from "./ceknik/index.js";

const storage = indexedDbStorage().catch(memoryStorage);
const words = { listed: "Tercantum", not_listed: "Tidak tercantum", maybe: "Mungkin tercantum", no_answer: "Belum ada jawaban" };
const [form, nik, shown] = ["#cek", "#nik", "#jawaban"].map((name) => document.querySelector(name));
form.addEventListener("submit", async (event) => {
  event.preventDefault();
  try {
    const { outcomes: [{ answer, asOf }] } = await check({
      server: "https://cek.example.org",
      dataset: "demo",
      niks: [nik.value],
      storage: await storage,
      onProgress: ({ kind }) => (shown.textContent = `… ${kind}`),
    });
    shown.textContent = `${words[answer.code]} (${asOf ?? answer.reason})`;
  } catch (error) {
    shown.textContent = `${words.no_answer} (${error.message})`;
  }
});
