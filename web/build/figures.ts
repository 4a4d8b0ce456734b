/**
 * Figures of "How it works". Each is followed by a comment that says what it is; docs/threat-model.md says the same figure with
 * the same comment, and is recomputed by the tests. A page that says another does not build. Readers do not get the comments.
 */
import { readFileSync } from "node:fs";
import type { Plugin } from "vite";

const MODEL = new URL("../../docs/threat-model.md", import.meta.url);
const FIGURE = /(\d[\d.,]*)(?:[\s\u00a0]?%)?<!--= (.+?) -->/g;

function known(): Map<string, string> {
  return new Map([...readFileSync(MODEL, "utf8").matchAll(FIGURE)].map(([, figure, key]) => [key ?? "", figure ?? ""]));
}

/** 1,234.5 as it is written in Indonesian: 1.234,5. */
function indonesian(figure: string): string {
  return figure.replace(/[.,]/g, (sign) => (sign === "." ? "," : "."));
}

export function figures(): Plugin {
  return {
    name: "figures",
    transformIndexHtml: {
      order: "pre",
      handler: (html) => {
        const model = known();
        for (const [, figure = "", key = ""] of html.matchAll(FIGURE)) {
          const right = model.get(key);
          if (right === undefined) {
            throw new Error(`${MODEL.pathname} has no figure ${key}`);
          }
          if (figure !== right && figure !== indonesian(right)) {
            throw new Error(`the figure ${figure} is ${right} in ${MODEL.pathname}: ${key}`);
          }
        }
        return html.replace(/<!--[^]*?-->/g, "");
      },
    },
  };
}
