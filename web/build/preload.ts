/**
 * Lets the browser fetch at once what the page's first script will want: the other scripts, the module, and the host's
 * configuration.
 */
import type { Plugin } from "vite";

const PAGE = "/index.html";
const SCRIPT = "src/main.ts";

export function preload(): Plugin {
  return {
    name: "preload",
    apply: "build",
    transformIndexHtml: {
      order: "post",
      handler: (html, { path, bundle }) => {
        if (path !== PAGE || bundle === undefined) {
          return [];
        }
        const chunks = Object.values(bundle).filter((file) => file.type === "chunk");
        const page = chunks.find(({ facadeModuleId }) => facadeModuleId?.endsWith(SCRIPT));
        const modules = Object.keys(bundle).filter((file) => file.endsWith(".wasm"));
        if (page === undefined || modules.length !== 1) {
          throw new Error(`the page has no chunk of ${SCRIPT}, or not one module: ${modules.join(", ")}`);
        }
        const scripts = [page.fileName, ...page.imports].filter((file) => !html.includes(file));
        const link = (attrs: Record<string, string>) => ({
          tag: "link",
          attrs: { ...attrs, crossorigin: "anonymous" },
          injectTo: "head" as const,
        });
        return [
          ...scripts.map((file) => link({ rel: "modulepreload", href: `./${file}` })),
          ...[...modules, "config.json"].map((file) => link({ rel: "preload", href: `./${file}`, as: "fetch" })),
        ];
      },
    },
  };
}
