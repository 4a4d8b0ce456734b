import init from "./raw.js";
import { CeknikError } from "./error.js";

/** Where the module may come from: an address, a response, bytes, or the module itself. */
export type ModuleSource = string | URL | Response | BufferSource | WebAssembly.Module;

let loading: Promise<WebAssembly.Module> | undefined;
let loaded = false;

/**
 * Fetches and prepares the WebAssembly module, once; every later call waits for the first, and a failed one may be repeated.
 * `check` does so by itself; called when a page opens, it is there before anybody has typed sixteen digits.
 */
export async function load(source?: ModuleSource): Promise<void> {
  await moduleFrom(source);
}

/** The compiled module, for workers, which need not fetch and compile it again. */
export function moduleFrom(source?: ModuleSource): Promise<WebAssembly.Module> {
  loading ??= prepare(source).catch((error: unknown) => {
    loading = undefined;
    throw error instanceof CeknikError ? error : new CeknikError("module", `the module cannot be used: ${String(error)}`, error);
  });
  return loading;
}

/** For what cannot wait. */
export function mustBeLoaded(): void {
  if (!loaded) {
    throw new CeknikError("module", "the module is not there yet: await load() first");
  }
}

async function prepare(source: ModuleSource | undefined): Promise<WebAssembly.Module> {
  if (typeof WebAssembly !== "object") {
    throw new CeknikError("module", "this browser has no WebAssembly");
  }
  // Written out, so that bundlers see that the file belongs to the page.
  const module = await compile(source ?? new URL("./ceknik.wasm", import.meta.url));
  await init({ module_or_path: module });
  loaded = true;
  return module;
}

async function compile(source: ModuleSource): Promise<WebAssembly.Module> {
  if (source instanceof WebAssembly.Module) {
    return source;
  }
  if (ArrayBuffer.isView(source) || source instanceof ArrayBuffer) {
    return WebAssembly.compile(source);
  }
  const response = source instanceof Response ? source : await fetch(source, { referrerPolicy: "no-referrer" });
  if (!response.ok) {
    throw new CeknikError("module", `the module could not be fetched: status ${response.status}`);
  }
  // While it comes; hosts that do not know the type of `.wasm` files cost the time of that.
  return response.headers.get("content-type")?.startsWith("application/wasm")
    ? WebAssembly.compileStreaming(response)
    : WebAssembly.compile(await response.arrayBuffer());
}
