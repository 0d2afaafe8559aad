// The sign-in with a token.

import { h } from "./dom.js";

export class SignIn {
  title = "Sign in";
  #signIn;
  #refused;

  constructor(signIn, refused) {
    this.#signIn = signIn;
    this.#refused = refused;
  }

  load() {}

  draw() {
    return h(
      "form",
      { class: "signin", onsubmit: (event) => this.#submit(event) },
      h("h1", {}, "distnet"),
      h("label", { for: "token" }, "Your token for this server"),
      h("input", {
        id: "token",
        type: "password",
        autocomplete: "off",
        spellcheck: "false",
        required: true,
        placeholder: "dn_…",
        "aria-describedby": "token-help",
      }),
      this.#refused && h("p", { class: "note failed", role: "alert" }, this.#refused),
      h("button", { class: "strong" }, "Sign in"),
      h(
        "p",
        { class: "muted", id: "token-help" },
        "The token is stored in this tab only, until you close it. Create one with ",
        h("code", {}, "distnet token create"),
        ", or ask an admin for one.",
      ),
    );
  }

  #submit(event) {
    event.preventDefault();
    const token = event.target.elements.token.value.trim();
    if (token) this.#signIn(token);
  }
}
