import { fileURLToPath } from "node:url";
import { defineConfig } from "vite";
import { districts } from "./build/districts";
import { figures } from "./build/figures";
import { preload } from "./build/preload";
import { release } from "./build/release";

const here = (path: string) => fileURLToPath(new URL(path, import.meta.url));

export default defineConfig({
  // Relative, so that the page lives below any path of any host.
  base: "./",
  plugins: [districts(), figures(), preload(), release()],
  worker: { format: "es" },
  build: {
    target: ["chrome109", "firefox115", "safari16.4"],
    assetsInlineLimit: 0,
    // What is to be fetched early is said by build/preload.ts.
    modulePreload: false,
    reportCompressedSize: false,
    rollupOptions: {
      input: { index: here("index.html"), "cara-kerja": here("cara-kerja.html"), sw: here("src/sw.ts") },
      output: {
        entryFileNames: ({ name }) => (name === "sw" ? "sw.js" : "assets/[name]-[hash].js"),
        // Modules that are made here have a name that no file may have.
        chunkFileNames: ({ name }) => `assets/${name.replace(/^.*virtual[:_]/, "")}-[hash].js`,
        assetFileNames: "assets/[name]-[hash][extname]",
        // One file for what both pages want, in place of one for each part.
        codeSplitting: { groups: [{ name: "both", test: /src\/(preferences|fingerprint)\.ts$/ }] },
      },
    },
  },
});
