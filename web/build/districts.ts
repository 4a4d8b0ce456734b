/** Names of the districts of today, made of the core's table into a module that is fetched by itself. */
import { readFileSync } from "node:fs";
import type { Plugin } from "vite";

const NAME = "virtual:districts";
const TABLE = new URL("../../crates/core/data/district_codes.csv", import.meta.url);

/** A line for each regency: its four digits, then `|`, two digits and the name of each district. */
function names(): string {
  const regencies = new Map<string, string>();
  for (const line of readFileSync(TABLE, "utf8").trim().split("\n").slice(1)) {
    const match = /^(\d{4})(\d\d),(.*),([01])$/.exec(line);
    if (match === null) {
      throw new Error(`${TABLE.pathname}: not a line of code, name and current: ${line}`);
    }
    const [, regency, district, quoted, current] = match as unknown as [string, string, string, string, string];
    const name = quoted.replace(/^"(.*)"$/, "$1").replaceAll('""', '"');
    if (name.includes("|")) {
      throw new Error(`${TABLE.pathname}: a name with |: ${line}`);
    }
    if (current === "1") {
      regencies.set(regency, `${regencies.get(regency) ?? regency}|${district}${name}`);
    }
  }
  return [...regencies.values()].join("\n");
}

export function districts(): Plugin {
  return {
    name: "districts",
    resolveId: (id) => (id === NAME ? `\0${NAME}` : undefined),
    load: (id) => (id === `\0${NAME}` ? `export default ${JSON.stringify(names())};` : undefined),
  };
}
