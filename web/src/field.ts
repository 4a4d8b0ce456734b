/** The field for a NIK: groups digits as they are typed, says what is missing, and shows what the NIK says. */
import { describeNik, load } from "ceknik";
import type { NikDescription } from "ceknik";
import { districtName } from "./districts";
import { announce, el, freshId, put } from "./dom";
import { calendarDay, t } from "./language";
import { provinces } from "./provinces";

const GROUP = 4;

export interface NikField {
  element: HTMLElement;
  /** The sixteen digits; null when they are not there. */
  digits(): string | null;
  /** Tells at the field why it is no NIK, and goes there. */
  complain(): void;
  /** Tells what is wrong at the field, and goes there. */
  refuse(message: string): void;
  focus(): void;
}

/** What stands in a field at first; `refused`: and why it is no NIK is to be said. */
export interface Begun {
  text: string;
  refused?: boolean;
}

/** A field that begins with something; `changed` is told what is typed. Until the module is there, it takes what is typed. */
export function nikField({ text, refused }: Begun, labelText: string, changed: (text: string) => void): NikField {
  const ids = { field: freshId("nik"), hint: freshId("hint") };
  const input = el("input", {
    id: ids.field,
    class: "nik",
    type: "text",
    inputmode: "numeric",
    // What keeps keyboards, browsers and password managers from learning it.
    autocomplete: "off",
    autocorrect: "off",
    autocapitalize: "off",
    spellcheck: "false",
    writingsuggestions: "false",
    "data-1p-ignore": true,
    "data-lpignore": "true",
    "data-bwignore": true,
    "data-form-type": "other",
    enterkeyhint: "go",
    "aria-describedby": ids.hint,
  });
  const hint = el("p", { id: ids.hint, class: "hint" });
  const says = el("div", { class: "says", "aria-live": "polite" });
  const element = el("div", { class: "field" }, el("label", { for: ids.field }, labelText), input, hint, says);
  /** What the field held before the event that is being worked on. */
  let before = text;

  const tell = (message: string, wrong: boolean) => {
    const again = hint.textContent === message;
    hint.textContent = message;
    hint.classList.toggle("wrong", wrong);
    if (wrong) {
      input.setAttribute("aria-invalid", "true");
    } else {
      input.removeAttribute("aria-invalid");
    }
    return !again;
  };

  const show = (described: NikDescription) => {
    void factsShown(described).then((shown) => {
      if (input.value === before) {
        put(says, shown);
      }
    });
    const { error, digits, missing } = described;
    if (error === null) {
      tell("", false);
    } else if (error.code === "character" || error.code === "too_long" || missing < 0) {
      // Said aloud when it goes wrong, not with every key after that.
      if (tell(fault(described), true)) {
        announce(fault(described));
      }
    } else {
      tell(digits === "" ? t().nikHint : t().nikMissing(missing), false);
    }
  };

  const take = (kind: string) => {
    if (kind === "insertFromPaste") {
      // From a message, it often comes with its name.
      input.value = input.value.replace(/^\s*NIK\s*[:=.]?/i, "");
    }
    const described = regroup(input, before, kind);
    before = input.value;
    changed(input.value);
    show(described);
  };

  input.addEventListener("input", (event) => {
    // While a keyboard composes, the text is its own: changed under it, digits come twice.
    if (ready && !(event as InputEvent).isComposing) {
      take((event as InputEvent).inputType);
    } else {
      changed(input.value);
    }
  });
  input.addEventListener("compositionend", () => ready && take(""));

  input.value = text;
  tell(t().nikHint, false);
  void prepared.then(() => {
    const described = regroup(input, "", "");
    before = input.value;
    show(described);
    if (refused) {
      tell(fault(described), true);
    }
  });

  const refuse = (message: string) => {
    tell(message, true);
    if (document.activeElement === input) {
      announce(message);
    } else {
      input.focus();
    }
  };
  return {
    element,
    digits: () => {
      const { error, digits } = describeNik(input.value);
      return error === null ? digits : null;
    },
    complain: () => refuse(fault(describeNik(input.value))),
    refuse,
    focus: () => input.focus(),
  };
}

let ready = false;
/** When NIKs can be read; it never is where they cannot be. That it cannot be is told by whoever starts the page. */
export const prepared = load().then(
  () => void (ready = true),
  () => new Promise<void>(() => undefined),
);

/**
 * Writes the digits in groups of four, and leaves the cursor behind the digit that it stood behind. Who deletes a space means
 * the digit beyond it: otherwise the space comes back, and the cursor never gets past it.
 */
function regroup(input: HTMLInputElement, before: string, kind: string): NikDescription {
  let described = describeNik(input.value);
  if (described.position !== null || described.error?.code === "too_long") {
    return described;
  }
  let behind = describeNik(input.value.slice(0, input.selectionStart ?? input.value.length)).digits.length;
  const { digits } = described;
  if (input.value.length < before.length && digits !== "" && digits === describeNik(before).digits) {
    if (kind === "deleteContentBackward" && behind > 0) {
      behind -= 1;
      described = describeNik(digits.slice(0, behind) + digits.slice(behind + 1));
    } else if (kind === "deleteContentForward") {
      described = describeNik(digits.slice(0, behind) + digits.slice(behind + 1));
    }
  }
  const grouped = inGroups(described.digits);
  if (input.value !== grouped) {
    input.value = grouped;
    if (document.activeElement === input) {
      const place = behind + Math.floor(Math.max(0, behind - 1) / GROUP);
      input.setSelectionRange(place, place);
      // Some keyboards of Android put the cursor where they think it is, after this event.
      requestAnimationFrame(() => {
        if (input.value === grouped && input.selectionStart === input.selectionEnd) {
          input.setSelectionRange(place, place);
        }
      });
    }
  }
  return described;
}

/** As on the card: 3171 0117 0890 0001. */
export function inGroups(digits: string): string {
  return digits.replace(/(.{4})(?=.)/g, "$1 ");
}

function fault({ error, digits, missing, position }: NikDescription): string {
  switch (error?.code) {
    case "character":
      return t().nikCharacter(position ?? 1);
    case "too_long":
      return t().nikTooLong;
    case "empty":
      return t().nikEmpty;
    default:
      return missing < 0 ? t().nikTooMany(-missing) : t().nikMissingAsked(missing, digits.length);
  }
}

async function factsShown({ facts, warnings }: NikDescription): Promise<HTMLElement | null> {
  if (facts === null) {
    return null;
  }
  const { birthDate, sex, district, districtStanding } = facts;
  const name = districtStanding === "current" ? await districtName(district) : undefined;
  const province = provinces[district.slice(0, 2)];
  const place =
    districtStanding === "abroad"
      ? t().districtAbroad
      : name === undefined
        ? t().districtCode(district)
        : [t().districtOf(name, district), province].filter((part) => part !== undefined).join(", ");
  // Two digits of a year may mean two years. Nobody is born tomorrow.
  const born = birthDate?.years
    .filter((year) => new Date(year, birthDate.month - 1, birthDate.day) <= new Date())
    .map((year) => calendarDay(year, birthDate.month, birthDate.day))
    .join(` ${t().or} `);
  return el(
    "div",
    {},
    el("p", {}, t().nikSays),
    el(
      "ul",
      {},
      el("li", {}, place),
      born && el("li", {}, t().nikBorn(born)),
      sex !== null && el("li", {}, sex === "female" ? t().female : t().male),
    ),
    el("p", { class: "quiet" }, t().nikSlip),
    ...warnings.map(({ code }) => el("p", { class: "warning" }, t().warnings[code] ?? "")),
  );
}
