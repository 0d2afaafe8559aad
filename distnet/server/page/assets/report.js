// The report of a job, which the server draws when it is wanted. It is shown in a frame without
// scripts and with an origin of its own: what is in it was written by the code of users.

import { part, Refusal, Unreachable } from "./api.js";
import { h } from "./dom.js";

export class Report {
  #app;
  #name;
  #address = null;
  #error = "";
  #isDrawing = false;

  constructor(app, name) {
    this.#app = app;
    this.#name = name;
  }

  draw({ started_at, ended_at }) {
    if (started_at == null) return null;
    const show = this.#address ? "Draw it again" : "Show the report";
    return h(
      "section",
      { key: "report", "aria-label": "Report" },
      h("h2", {}, "Report"),
      h(
        "div",
        { class: "buttons" },
        this.#button(this.#isDrawing ? "Drawing …" : show, () => this.#show()),
        this.#button("Open in a new tab", () => this.#open()),
      ),
      h("p", {}, "On your machine: ", h("code", {}, `distnet fetch ${this.#name}`)),
      this.#error && h("p", { class: "note failed", role: "alert" }, this.#error),
      this.#address &&
        h("iframe", {
          key: this.#address,
          src: this.#address,
          sandbox: true,
          class: "report",
          title: `Report of ${this.#name}${ended_at == null ? ", as it was when it was drawn" : ""}`,
        }),
    );
  }

  #button(text, onclick) {
    return h("button", { key: text, type: "button", disabled: this.#isDrawing, onclick }, text);
  }

  async #show() {
    const address = await this.#request();
    if (address) this.#address = address;
    this.#app.draw();
  }

  async #open() {
    const tab = window.open("about:blank"); // now: later a browser would take it for a popup
    const address = await this.#request();
    this.#app.draw();
    if (!tab) return;
    tab.opener = null;
    if (address) tab.location = address;
    else tab.close();
  }

  // The address of the page, which is valid for a minute; null if it cannot be drawn.
  async #request() {
    [this.#isDrawing, this.#error] = [true, ""];
    this.#app.draw();
    try {
      const { path } = await this.#app.api.slow(`jobs/${part(this.#name)}/report`);
      return new URL(path, document.baseURI).href;
    } catch (error) {
      if (!(error instanceof Refusal || error instanceof Unreachable)) throw error;
      this.#error = error instanceof Refusal ? error.message : "The server does not respond.";
      return null;
    } finally {
      this.#isDrawing = false;
    }
  }
}
