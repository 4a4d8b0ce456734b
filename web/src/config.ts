/** Where the service is, and whom to trust: `config.json` beside the page, on hosts where the service is elsewhere. */

export interface Config {
  /** Address of the service. */
  server: string;
  /** The policy of whoever serves this page; null where that of the service is trusted on first use. */
  policy: string | null;
  /** The datasets that this page is about; null for all that the service has. */
  datasets: string[] | null;
}

const FILE = "config.json";
/** How long the host may take to say how it is now, in milliseconds, where an earlier visit knows how it was. */
const PATIENCE = 3_000;

/** The address below which the page lies. */
const below = new URL(".", document.baseURI);

/** The path below which the page lies: what it keeps is named by that, since other pages of its host may keep something, too. */
export const PLACE = below.pathname;
/** Begins the names of caches with the page's files; sw.ts calls them so as well. A path has no space in it. */
export const PAGE_CACHE = `ceknik-page ${PLACE} `;
export const LISTS_CACHE = `ceknik-lists ${PLACE}`;
export const DATABASE = `ceknik ${PLACE}`;

/** The address below which the page lies, without a slash at the end. */
function home(): string {
  return below.href.replace(/\/+$/, "");
}

/**
 * Reads the configuration. Where the host has none, the service is where the page came from. Rejects where it cannot be had or
 * read: to go on would be to ask another service than the host meant, and on another word. On a network that is connected and
 * dead it is as at an earlier visit, as without a network.
 */
export async function config(): Promise<Config> {
  // With the credentials of build/preload.ts, or it is fetched twice.
  const fresh = fetch(FILE, { referrerPolicy: "no-referrer", cache: "no-cache" }).then(read);
  const late = new Promise((passed) => setTimeout(passed, PATIENCE)).then(keptConfig).then((kept) => kept ?? fresh);
  return Promise.race([fresh, late]);
}

/** As it was at an earlier visit; null when there was none. */
export async function keptConfig(): Promise<Config | null> {
  try {
    const kept = await caches.match(new URL(FILE, document.baseURI).href);
    return kept === undefined ? null : await read(kept);
  } catch {
    return null;
  }
}

async function read(response: Response): Promise<Config> {
  if (response.status === 404) {
    return { server: home(), policy: null, datasets: null };
  }
  if (!response.ok) {
    throw new Error(`${FILE}: status ${response.status}`);
  }
  const { server = "", policy = null, datasets = null, ...unknown } = (await response.json()) as Record<string, unknown>;
  const [name] = Object.keys(unknown);
  if (name !== undefined) {
    throw new Error(`${FILE}: there is no ${name}`);
  }
  if (typeof server !== "string") {
    throw new Error(`${FILE}: server is no text`);
  }
  if (policy !== null && typeof policy !== "string") {
    throw new Error(`${FILE}: policy is neither a text nor null`);
  }
  if (datasets !== null && !isTexts(datasets)) {
    throw new Error(`${FILE}: datasets is neither a list of ids nor null`);
  }
  return { server: server === "" ? home() : new URL(server, document.baseURI).href.replace(/\/+$/, ""), policy, datasets };
}

function isTexts(value: unknown): value is string[] {
  return Array.isArray(value) && value.every((entry) => typeof entry === "string");
}
