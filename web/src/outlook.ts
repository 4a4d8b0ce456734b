/**
 * What the page is about: where the service is, and which lists it has. Known from an earlier visit at first, which decides
 * nothing and is enough to look ahead by; then as the host and the service say now.
 */
import type { Dataset, Storage } from "ceknik";
import { ahead } from "./ahead";
import { config, keptConfig } from "./config";
import type { Config } from "./config";
import { freshLists, keptLists } from "./lists";
import { SHARED } from "./preferences";

class Outlook {
  /** What the host says now. */
  readonly configured: Promise<Config>;
  /** Opens what is on this device; it is there later than all else. */
  open!: (storage: () => Storage) => void;
  private readonly opened = new Promise<() => Storage>((resolve) => (this.open = resolve));
  private settings: Config | null = null;
  private lists: string[] = [];
  /** Whether somebody was here before. */
  private known = false;
  private typing = false;
  private asked: Promise<Dataset[] | null> | null;

  constructor() {
    const shared = location.hash === SHARED;
    this.configured = this.configure(shared ? Promise.resolve() : this.remember());
    // Asked for before anybody wants to know.
    this.asked = this.configured.then(
      ({ server }) => this.ask(server, !shared),
      () => null,
    );
  }

  /** The lists that the page is about, as the service says now; null where they cannot be had. */
  async found(keep: boolean): Promise<Dataset[] | null> {
    const { server } = await this.configured;
    const { asked } = this;
    this.asked = null;
    return asked ?? this.ask(server, keep);
  }

  /** Those of an earlier visit. */
  async kept(): Promise<Dataset[] | null> {
    const settings = await this.configured;
    return covered(settings, await keptLists(settings.server));
  }

  /** Somebody types a NIK: whatever a check will ask for is asked for. */
  typed(): void {
    this.typing = true;
    this.look();
  }

  /** A check begins: from now on something is on this device. */
  begins(): void {
    this.known = true;
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

  private async ask(server: string, keep: boolean): Promise<Dataset[] | null> {
    const settings = await this.configured;
    const lists = covered(settings, await freshLists(server, keep).catch(() => null));
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
    if (this.settings !== null) {
      ahead.prepare({
        server: this.settings.server,
        lists: this.lists,
        policy: this.settings.policy === null && !this.known,
        typing: this.typing,
        shard: this.known ? async (dataset, sha256) => (await this.opened)().shard(dataset, sha256) : null,
      });
    }
  }
}

/** Those lists that a page is about. */
function covered({ datasets }: Config, lists: Dataset[] | null): Dataset[] | null {
  return lists?.filter(({ id }) => datasets === null || datasets.includes(id)) ?? null;
}

/** The page's. */
export const outlook = new Outlook();
