// Asks before something is done, does it, and shows why not if it is refused.

import { Refusal, Unreachable } from "./api.js";
import { h, render } from "./dom.js";

export class Dialog {
  #element;
  #asked = null;

  constructor(element) {
    this.#element = element;
    element.onclose = () => render(element, null);
  }

  // `asked`: title, text, button, is_bad; `field`: a number to ask for: label, value, min, max;
  // `act` is called with it when the button is pressed.
  ask(asked) {
    this.#asked = { ...asked, error: "", isBusy: false };
    this.#draw();
    this.#element.showModal();
  }

  #draw() {
    const { title, text, button, field, isBad, error, isBusy } = this.#asked;
    render(
      this.#element,
      h(
        "form",
        { onsubmit: (event) => this.#submit(event) },
        h("h2", { id: "dialog-title" }, title),
        h("p", {}, text),
        field && drawField(field),
        error && h("p", { class: "note failed", role: "alert" }, error),
        h(
          "div",
          { class: "buttons" },
          h("button", { type: "button", onclick: () => this.#element.close() }, "Leave it"),
          h("button", { class: isBad ? "strong bad" : "strong", disabled: isBusy }, button),
        ),
      ),
    );
  }

  async #submit(event) {
    event.preventDefault();
    const asked = this.#asked;
    const value = asked.field ? event.target.elements.value.valueAsNumber : undefined;
    this.#set(asked, { isBusy: true, error: "" });
    try {
      await asked.act(value);
      if (this.#asked === asked) this.#element.close();
    } catch (error) {
      if (!(error instanceof Refusal || error instanceof Unreachable)) throw error;
      const text = error instanceof Refusal ? error.message : "The server does not answer.";
      this.#set(asked, { isBusy: false, error: text });
    }
  }

  #set(asked, change) {
    Object.assign(asked, change);
    if (this.#asked === asked && this.#element.open) this.#draw();
  }
}

function drawField({ label, value, min, max }) {
  return [
    h("label", { for: "dialog-value" }, label),
    h("input", {
      id: "dialog-value",
      name: "value",
      type: "number",
      required: true,
      step: 1,
      min,
      max,
      value,
      inputmode: min < 0 ? null : "numeric",
    }),
  ];
}
