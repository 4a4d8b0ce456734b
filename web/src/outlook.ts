/**
 * What the page is about: where the service is, and which lists it has. Known from an earlier visit at first, which decides
 * nothing and is enough to look ahead by; then as the host and the service say now.
 */
import type { Dataset, Storage } from "ceknik";
import { FRESH, ahead } from "./ahead";
import { config, keptConfig } from "./config";
import type { Config } from "./config";
import type { keepList } from "./keep";
import { freshLists, keptLists } from "./lists";
import { isShared } from "./preferences";

/** Most lists that are looked ahead for; a check asks for the others when it comes to them. */
const MOST_LISTS = 4;

/** What is on this device, and how a list comes there. */
interface Store {
  storage: Storage;
  keepList: typeof keepList;
}

class Outlook {
  /** What the host says now; where it says nothing, what it said at an earlier visit. */
  readonly configured: Promise<Config>;
  /** Opens what is on this device; it is there later than all else. */
  open!: (store: Store) => void;
  private readonly opened = new Promise<Store>((resolve) => (this.open = resolve));
  private settings: Config | null = null;
  private lists: string[] = [];
  /** Those that are not wanted. */
  private readonly left = new Set<string>();
  /** When it was tried last to keep a list, in milliseconds. */
  private readonly tried = new Map<string, number>();
  /** Ends what is kept because somebody types, once a check begins or all is forgotten. */
  private checking = new AbortController();
  /** Ends whatever is kept, once all is forgotten. */
  private forgetting = new AbortController();
  /** Whether somebody was here before. */
  private known = false;
  private typing = false;
  private asked: Promise<Dataset[] | null> | null;

  constructor() {
    this.configured = this.configure(isShared() ? Promise.resolve() : this.remember());
    // Asked for before anybody wants to know.
    this.asked = this.configured.then(
      ({ server }) => this.ask(server),
      () => null,
    );
  }

  /** The lists that the page is about, as the service says now; null where they cannot be had. */
  async found(): Promise<Dataset[] | null> {
    const { server } = await this.configured;
    const { asked } = this;
    this.asked = null;
    return asked ?? this.ask(server);
  }

  /** Those of an earlier visit. */
  async kept(): Promise<Dataset[] | null> {
    const settings = await this.configured;
    return covered(settings, await keptLists(settings.server));
  }

  /** Whether a list is to be checked. */
  wants(id: string): boolean {
    return !this.left.has(id);
  }

  /** Somebody chooses a list, or leaves it out. */
  choose(id: string, wanted: boolean): void {
    this.left[wanted ? "delete" : "add"](id);
    this.look();
  }

  /** Somebody types a NIK: whatever a check will ask for is asked for, and kept. */
  typed(): void {
    this.typing = true;
    this.look();
  }

  /** Keeps the lists that are wanted, though nobody types. Until when they work without a network; null where not all do. */
  async keep(): Promise<Date | null> {
    ahead.wanted = true;
    const { signal } = this.forgetting;
    const [settings, { keepList }] = await Promise.all([this.configured, this.opened]);
    const ids = this.lists.filter((id) => this.wants(id));
    const until = await Promise.all(ids.map((id) => keepList(settings, id, false, signal)));
    this.known ||= !signal.aborted;
    return ids.length === 0 || until.includes(null) ? null : new Date(Math.min(...until.map(Number)));
  }

  /** A check begins: from now on something is on this device, and it keeps by itself what it checks. */
  begins(): void {
    this.known = true;
    this.checking.abort();
    this.lists.forEach((id) => this.tried.set(id, Date.now()));
  }

  /** Nothing is to be on this device any more. */
  forgets(): void {
    this.known = this.typing = false;
    this.tried.clear();
    this.checking.abort();
    this.forgetting.abort();
    this.forgetting = new AbortController();
  }

  private async remember(): Promise<void> {
    const settings = await keptConfig();
    const lists = settings && covered(settings, await keptLists(settings.server));
    if (settings !== null && lists !== null) {
      this.known = true;
      this.expect(settings, lists);
    }
  }

  private async configure(earlier: Promise<void>): Promise<Config> {
    const [settings] = await Promise.all([config(), earlier]);
    this.expect(settings, null);
    return settings;
  }

  private async ask(server: string): Promise<Dataset[] | null> {
    const settings = await this.configured;
    const lists = covered(settings, await freshLists(server).catch(() => null));
    if (lists !== null) {
      this.expect(settings, lists);
    }
    return lists;
  }

  private expect(settings: Config, lists: Dataset[] | null): void {
    this.settings = settings;
    this.lists = lists?.map(({ id }) => id) ?? settings.datasets ?? this.lists;
    this.look();
  }

  private look(): void {
    if (this.settings === null) {
      return;
    }
    const lists = this.lists.filter((id) => this.wants(id)).slice(0, MOST_LISTS);
    ahead.prepare({
      server: this.settings.server,
      lists,
      policy: this.settings.policy === null && !this.known,
      large: this.typing,
      shard: this.known ? async (dataset, sha256) => (await this.opened).storage.shard(dataset, sha256) : null,
    });
    if (this.typing && navigator.onLine) {
      lists.filter((id) => Date.now() - (this.tried.get(id) ?? 0) > FRESH).forEach((id) => void this.keepAhead(id));
    }
  }

  private async keepAhead(id: string): Promise<void> {
    this.tried.set(id, Date.now());
    if (this.checking.signal.aborted) {
      this.checking = new AbortController();
    }
    const { signal } = this.checking;
    const [settings, { keepList }] = await Promise.all([this.configured, this.opened]);
    if ((await keepList(settings, id, true, signal)) !== null && !signal.aborted) {
      this.known = true;
      ahead.drop(`${settings.server}/v1/${id}/`);
    }
  }
}

/** Those lists that a page is about. */
function covered({ datasets }: Config, lists: Dataset[] | null): Dataset[] | null {
  return lists?.filter(({ id }) => datasets === null || datasets.includes(id)) ?? null;
}

/** The page's. */
export const outlook = new Outlook();
