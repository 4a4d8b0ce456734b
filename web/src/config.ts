/** Where the service is, and whom to trust: `config.json` beside the page, on hosts where the service is elsewhere. */

export interface Config {
  /** Address of the service. */
  server: string;
  /** The policy of whoever serves this page; null where that of the service is trusted on first use. */
  policy: string | null;
  /** The datasets that this page is about; null for all that the service has. */
  datasets: string[] | null;
}

/** The address below which the page lies, without a slash at the end. */
export function home(): string {
  return new URL(".", document.baseURI).href.replace(/\/+$/, "");
}

/** Reads the configuration. Without one, the service is where the page came from. */
export async function config(): Promise<Config> {
  const here: Config = { server: home(), policy: null, datasets: null };
  let response: Response;
  try {
    response = await fetch("config.json", { credentials: "omit", referrerPolicy: "no-referrer" });
  } catch {
    return here;
  }
  if (!response.ok) {
    return here;
  }
  const { server, policy, datasets } = (await response.json()) as Partial<Config>;
  return {
    server: typeof server === "string" && server !== "" ? server : here.server,
    policy: typeof policy === "string" ? policy : null,
    datasets: Array.isArray(datasets) ? datasets.filter((id) => typeof id === "string") : null,
  };
}
