/** The form: one NIK or a family's, and where there are several lists, which. */
import type { Dataset } from "ceknik";
import type { Whose } from "./answers";
import { button, el, freshId, put, tick } from "./dom";
import { inGroups, nikField, prepared } from "./field";
import type { Begun, NikField } from "./field";
import { said, t } from "./language";
import { outlook } from "./outlook";

/** Most people at once: as many as one request to the service may hold. */
const MOST_PEOPLE = 16;

interface Person extends Begun {
  label: string;
}

export class Form {
  readonly element = el("form", { class: "card no-print", novalidate: true, autocomplete: "off" });
  /** What was typed. The NIKs are here, and while a check is shown in it; nowhere else. */
  private people: Person[] = [{ label: "", text: "" }];
  private fields: NikField[] = [];
  private lists: Dataset[] = [];
  private readonly choices = el("div");
  /** Whether it waits for what a check needs, and what is said meanwhile. */
  private submitted = false;
  private readonly waiting = el("p", { class: "quiet", role: "status" });

  /** `check` is told whom, and waited for until it begins; `typed` is told that somebody types. */
  constructor(
    private readonly check: (people: Whose[]) => Promise<void>,
    private readonly typed: () => void,
    private readonly settings: () => HTMLElement,
  ) {
    this.element.addEventListener("submit", (event) => {
      event.preventDefault();
      // On a slow network a NIK is typed before the module is there that reads it, and it is known whom to ask.
      if (!this.submitted) {
        this.submitted = true;
        const told = setTimeout(() => put(this.waiting, t().gettingReady), 100);
        void prepared
          .then(() => this.submit())
          .finally(() => {
            clearTimeout(told);
            put(this.waiting);
            this.submitted = false;
          });
      }
    });
    this.redraw();
  }

  /** In the language that is chosen now; what was typed stays. */
  redraw(): void {
    const several = this.people.length > 1;
    this.waiting.textContent &&= t().gettingReady;
    this.fields = [];
    const rows = this.people.map((person, place) => this.row(person, place, several));
    put(
      this.element,
      ...rows,
      several && el("p", { class: "quiet" }, `${t().familyConsent} ${t().familyWarning}`),
      this.choices,
      el(
        "div",
        { class: "actions" },
        el("button", { type: "submit", class: "main" }, several ? t().checkAll(this.people.length) : t().check),
        this.people.length < MOST_PEOPLE && button(t().addPerson, () => this.add()),
      ),
      this.waiting,
      this.settings(),
    );
    this.choose();
  }

  /** The lists that can be checked. */
  offer(lists: Dataset[]): void {
    this.lists = lists;
    this.choose();
  }

  /** Of the lists on offer, those that are wanted. */
  chosen(): Dataset[] {
    return this.lists.filter(({ id }) => outlook.wants(id));
  }

  /** Takes every NIK off the screen. */
  empty(): void {
    this.people = [{ label: "", text: "" }];
    this.redraw();
  }

  focus(): void {
    this.fields[0]?.focus();
  }

  private row(person: Person, place: number, several: boolean): HTMLElement {
    const who = t().person(place + 1);
    const field = nikField(person, several ? `${t().nikLabelShort}, ${who}` : t().nikLabel, (text) => {
      person.text = text;
      person.refused = false;
      this.typed();
    });
    this.fields.push(field);
    if (!several) {
      return field.element;
    }
    const id = freshId("label");
    return el(
      "fieldset",
      {},
      el("legend", {}, who),
      el(
        "div",
        { class: "field" },
        el("label", { for: id }, t().label),
        el("input", {
          id,
          type: "text",
          value: person.label,
          maxlength: 40,
          autocomplete: "off",
          spellcheck: "false",
          "aria-describedby": place === 0 && `${id}-hint`,
          oninput: ({ target }: { target: HTMLInputElement }) => (person.label = target.value),
        }),
        place === 0 && el("p", { class: "hint", id: `${id}-hint` }, t().labelHint),
      ),
      field.element,
      button(t().removePerson(who), () => this.remove(place), "small"),
    );
  }

  private add(): void {
    this.people.push({ label: "", text: "" });
    this.redraw();
    this.element.querySelector<HTMLElement>("fieldset:last-of-type input")?.focus();
  }

  private remove(place: number): void {
    this.people.splice(place, 1);
    this.redraw();
    this.fields[Math.min(place, this.people.length - 1)]?.focus();
  }

  private choose(): void {
    if (this.lists.length < 2) {
      put(this.choices);
      return;
    }
    put(
      this.choices,
      el(
        "fieldset",
        {},
        el("legend", {}, t().which),
        ...this.lists.map(({ id, title }) =>
          tick(said(title), null, outlook.wants(id), (checked) => outlook.choose(id, checked)),
        ),
      ),
    );
  }

  private async submit(): Promise<void> {
    const read = this.fields.map((field) => field.digits());
    const wrong = read.indexOf(null);
    const person = this.people[wrong];
    if (person !== undefined) {
      person.refused = true;
      this.fields[wrong]?.complain();
      return;
    }
    const digits = read.filter((nik) => nik !== null);
    const twice = digits.findIndex((nik, place) => digits.indexOf(nik) < place);
    if (twice >= 0) {
      this.fields[twice]?.refuse(t().nikTwice);
      return;
    }
    await this.check(
      digits.map((nik, place) => ({ nik: inGroups(nik), label: this.people[place]?.label.trim() || t().person(place + 1) })),
    );
  }
}
