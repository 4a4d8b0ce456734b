/**
 * Names of districts. The file has them all, is the same for everybody, and is fetched before anything is typed, so that
 * asking for it tells nothing.
 */
let names: Promise<Map<string, string>> | undefined;

/** Begins to fetch the names. */
export function prepareDistricts(): void {
  names ??= fetchNames();
}

/** The name of a district of today. */
export async function districtName(code: string): Promise<string | undefined> {
  prepareDistricts();
  return (await names)?.get(code);
}

async function fetchNames(): Promise<Map<string, string>> {
  try {
    // A line for each regency: its four digits, then two digits and a name for each district.
    const { default: text } = await import("virtual:districts");
    const found = new Map<string, string>();
    for (const line of text.split("\n")) {
      const [regency, ...districts] = line.split("|");
      districts.forEach((district) => found.set(`${regency}${district.slice(0, 2)}`, district.slice(2)));
    }
    return found;
  } catch {
    return new Map();
  }
}
