/** The field for a NIK: groups digits as they are typed, says what is missing, and shows what the NIK says. */
import { describeNik } from "ceknik";
import type { NikDescription } from "ceknik";
import { districtName } from "./districts";
import { el, freshId, put } from "./dom";
import { calendarDay, t } from "./language";
import { provinces } from "./provinces";

const DIGITS = 16;
const GROUP = 4;

export interface NikField {
  element: HTMLElement;
  /** What was typed. */
  text(): string;
  /** What it says, for whoever checks; null, and told at the field, when it is no NIK. */
  read(): NikDescription | null;
  /** Tells what is wrong at the field. */
  refuse(message: string): void;
  focus(): void;
}

/** A field that begins with `text`; `changed` is told what is typed. */
export function nikField(text: string, labelText: string, changed: (text: string) => void): NikField {
  const ids = { field: freshId("nik"), hint: freshId("hint"), says: freshId("says") };
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
    "aria-describedby": `${ids.hint} ${ids.says}`,
  });
  const hint = el("p", { id: ids.hint, class: "hint" });
  const says = el("div", { id: ids.says, class: "says", "aria-live": "polite" });
  const element = el("div", { class: "field" }, el("label", { for: ids.field }, labelText), input, hint, says);

  const tell = (message: string, wrong: boolean) => {
    hint.textContent = message;
    hint.classList.toggle("wrong", wrong);
    input.toggleAttribute("aria-invalid", wrong);
  };

  const show = (described: NikDescription) => {
    const { facts, error, digits, missing } = described;
    put(says, facts && factsShown(described));
    if (error === null) {
      tell("", false);
    } else if (error.code === "character" || error.code === "too_long") {
      tell(fault(described), true);
    } else if (missing < 0) {
      tell(fault(described), true);
    } else {
      tell(digits === "" ? t().nikHint : t().nikMissing(missing), false);
    }
  };

  input.addEventListener("input", () => {
    const described = describeNik(input.value);
    if (described.position === null && described.digits.length <= DIGITS) {
      group(input, described.digits);
    }
    changed(input.value);
    show(described);
  });

  input.value = text;
  const described = describeNik(text);
  if (described.position === null) {
    group(input, described.digits);
  }
  show(described);

  return {
    element,
    text: () => input.value,
    read: () => {
      const described = describeNik(input.value);
      if (described.error === null) {
        return described;
      }
      tell(fault(described), true);
      return null;
    },
    refuse: (message) => tell(message, true),
    focus: () => input.focus(),
  };
}

/** Writes the digits in groups of four, and leaves the cursor behind the digit that it stood behind. */
function group(input: HTMLInputElement, digits: string): void {
  const grouped = digits.replace(/(.{4})(?=.)/g, "$1 ");
  if (input.value === grouped) {
    return;
  }
  const before = input.value.slice(0, input.selectionStart ?? input.value.length);
  const behind = Math.min(describeNik(before).digits.length, digits.length);
  input.value = grouped;
  if (document.activeElement === input) {
    const place = behind + Math.floor(Math.max(0, behind - 1) / GROUP);
    input.setSelectionRange(place, place);
  }
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

function factsShown({ facts, warnings }: NikDescription): HTMLElement | null {
  if (facts === null) {
    return null;
  }
  const { birthDate, sex, district, districtStanding } = facts;
  const place = el("span", {}, districtStanding === "abroad" ? t().districtAbroad : t().districtCode(district));
  if (districtStanding === "current") {
    void districtName(district).then((name) => {
      const province = provinces[district.slice(0, 2)];
      if (name !== undefined) {
        place.textContent = t().districtOf(name, district) + (province === undefined ? "" : `, ${province}`);
      }
    });
  }
  const born = birthDate?.years.map((year) => calendarDay(year, birthDate.month, birthDate.day)).join(` ${t().or} `);
  return el(
    "div",
    {},
    el("p", {}, t().nikSays),
    el(
      "ul",
      {},
      el("li", {}, place),
      born !== undefined && el("li", {}, t().nikBorn(born)),
      sex !== null && el("li", {}, sex === "female" ? t().female : t().male),
    ),
    el("p", { class: "quiet" }, t().nikSlip),
    ...warnings.map(({ code }) => el("p", { class: "warning" }, t().warnings[code])),
  );
}
