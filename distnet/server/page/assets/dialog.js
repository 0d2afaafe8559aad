// The dialog that confirms a command, sends it, and shows the error if it is refused.

import { Refusal, Unreachable } from "./api.js";
import { h, render } from "./dom.js";

export class Dialog {
  #element;
  #command = null;

  constructor(element) {
    this.#element = element;
    element.onclose = () => render(element, null);
  }

  // `command`: title, text, button, isBad; `field`: a number to enter: label, value, min, max; `act`
  // is called with that number when the button is pressed.
  confirm(command) {
    this.#command = { ...command, error: "", isBusy: false };
    this.#draw();
    this.#element.showModal();
  }

  #draw() {
    const { title, text, button, field, isBad, error, isBusy } = this.#command;
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
          h("button", { type: "button", onclick: () => this.#element.close() }, "Close"),
          h("button", { class: isBad ? "strong bad" : "strong", disabled: isBusy }, button),
        ),
      ),
    );
  }

  async #submit(event) {
    event.preventDefault();
    const command = this.#command;
    const value = command.field ? event.target.elements.value.valueAsNumber : undefined;
    this.#set(command, { isBusy: true, error: "" });
    try {
      await command.act(value);
      if (this.#command === command) this.#element.close();
    } catch (error) {
      if (!(error instanceof Refusal || error instanceof Unreachable)) throw error;
      const text = error instanceof Refusal ? error.message : "The server does not respond.";
      this.#set(command, { isBusy: false, error: text });
    }
  }

  #set(command, change) {
    Object.assign(command, change);
    if (this.#command === command && this.#element.open) this.#draw();
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
