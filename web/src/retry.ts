/** Trying again by itself: told, counted down, and stopped when that is wished. */
import { announce, button, el, put } from "./dom";
import { duration, t } from "./language";

/** Most milliseconds after which a device that is connected again tries: not all at once, after a cell of phones was out. */
const SPREAD = 3_000;

export class Retry {
  readonly element = el("div", { class: "warning retry no-print" });
  private readonly until: number;
  private timer: ReturnType<typeof setTimeout> | undefined;
  private readonly words = el("p");
  private over = false;

  /** Calls `again` in so many milliseconds; without a network, when there is one. `wished`: somebody pressed the button. */
  constructor(
    milliseconds: number,
    private readonly again: (wished: boolean) => void,
  ) {
    this.until = Date.now() + milliseconds;
    this.redraw();
    announce(this.words.textContent ?? "");
    addEventListener("online", this.connected);
    this.strike();
  }

  /** In the language that is chosen now. */
  redraw(): void {
    this.say();
    put(
      this.element,
      this.words,
      button(
        t().retryNow,
        () => {
          this.stop();
          this.again(true);
        },
        "small",
      ),
      " ",
      button(
        t().retryStop,
        () => {
          this.stop();
          put(this.element, el("p", { role: "status" }, t().retryStopped));
        },
        "small",
      ),
    );
  }

  stop(): void {
    this.over = true;
    clearTimeout(this.timer);
    removeEventListener("online", this.connected);
  }

  private readonly connected = () => {
    clearTimeout(this.timer);
    this.timer = setTimeout(() => this.strike(), Math.random() * SPREAD);
  };

  private strike(): void {
    if (this.over) {
      return;
    }
    const left = this.until - Date.now();
    if (left <= 0 && navigator.onLine) {
      this.stop();
      this.again(false);
      return;
    }
    this.say();
    if (navigator.onLine) {
      this.timer = setTimeout(() => this.strike(), Math.min(1000, left));
    }
  }

  private say(): void {
    const left = this.until - Date.now();
    this.words.textContent = navigator.onLine ? t().retryIn(duration(left)) : t().retryOnline;
  }
}
