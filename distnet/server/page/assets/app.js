// The page: who looks, at what, and what is wrong at the moment.

import { Api, Refusal, Unreachable } from "./api.js";
import { drawBanner } from "./banner.js";
import { Dialog } from "./dialog.js";
import { h, render } from "./dom.js";
import { HistoryView } from "./history.js";
import { JobView } from "./job.js";
import { NodesView } from "./nodes.js";
import { dropToken, keepToken, keptToken, link, readPlace, takeToken } from "./place.js";
import { Polling } from "./polling.js";
import { QueueView } from "./queue.js";
import { SchedulesView } from "./schedules.js";
import { SignIn } from "./signin.js";

const VIEWS = [
  ["Queue", "", QueueView],
  ["Nodes", "nodes", NodesView],
  ["History", "history", HistoryView],
  ["Schedules", "schedules", SchedulesView],
];
const CLUSTER_EVERY_S = 8;
const TOAST_MS = 6000;

// What views may ask of the page.
class App {
  api = null;
  who = null;
  cluster = null;
  trouble = null;
  #view = null;
  #seenAt = 0;
  #clusterAt = 0;
  #toastTimer = 0;
  #polling = new Polling((signal) => this.#round(signal));
  #parts = Object.fromEntries(
    ["bar", "banner", "main", "toast", "dialog", "skip"].map((id) => [
      id,
      document.getElementById(id),
    ]),
  );

  constructor() {
    this.dialog = new Dialog(this.#parts.dialog);
    this.#parts.skip.onclick = (event) => {
      event.preventDefault(); // the address says where one is
      this.#parts.main.focus();
    };
    addEventListener("hashchange", () => this.#goTo());
  }

  // Begins with the token that is there, or asks for one.
  start(token, refused = "") {
    this.who = this.cluster = this.trouble = null;
    this.#clusterAt = 0;
    this.api = token ? new Api(token) : null;
    if (token) this.#open();
    else this.#show(new SignIn((given) => this.signIn(given), refused));
  }

  signIn(token) {
    keepToken(token);
    this.start(token);
  }

  signOut(reason = "") {
    dropToken();
    this.start(null, reason);
  }

  // Asks the server now what there is to show.
  refresh() {
    return this.#polling.now();
  }

  // Shows what is known already.
  draw() {
    document.title = `${this.#view.title} · distnet`;
    render(this.#parts.bar, this.api ? this.#bar() : null);
    render(this.#parts.banner, drawBanner(this));
    render(this.#parts.main, this.#view.draw());
  }

  // Says shortly that something was done.
  tell(text) {
    clearTimeout(this.#toastTimer);
    render(this.#parts.toast, h("p", {}, text));
    this.#toastTimer = setTimeout(() => render(this.#parts.toast, null), TOAST_MS);
  }

  #goTo() {
    const given = takeToken();
    if (given) this.start(given);
    else if (this.api) this.#open();
    this.#parts.main.focus({ preventScroll: true });
    scrollTo(0, 0);
  }

  #open() {
    const place = readPlace();
    const [first = "", name] = place.parts;
    const known = VIEWS.find(([, path]) => path === first)?.[2] ?? QueueView;
    this.#show(first === "jobs" && name ? new JobView(this, name) : new known(this, place));
  }

  #show(view) {
    this.#view = view;
    this.draw();
    this.refresh();
  }

  async #round(signal) {
    if (!this.api) return;
    try {
      this.who ??= await this.api.get("whoami", {}, signal);
      await Promise.all([this.#view.load(this.api, signal), this.#lookAtCluster(signal)]);
      if (signal.aborted) return;
      this.trouble = null;
      this.#seenAt = this.api.now();
    } catch (error) {
      if (signal.aborted) return;
      this.#fail(error);
    }
    this.draw();
  }

  async #lookAtCluster(signal) {
    if (Date.now() / 1000 - this.#clusterAt < CLUSTER_EVERY_S && this.cluster) return;
    const cluster = await this.api.get("cluster", {}, signal);
    this.cluster = cluster;
    this.#clusterAt = Date.now() / 1000;
  }

  #fail(error) {
    if (error instanceof Refusal && error.status === 401) {
      this.signOut(error.message);
    } else if (error instanceof Refusal || error instanceof Unreachable) {
      this.trouble = { error, since: this.trouble?.since ?? this.#seenAt };
    } else {
      throw error;
    }
  }

  #bar() {
    const [here = ""] = readPlace().parts;
    const items = VIEWS.map(([name, path]) => {
      const isHere = path === here || (path === "" && here === "jobs");
      return h("a", { href: link([path].filter(Boolean)), "aria-current": isHere && "page" }, name);
    });
    return h(
      "header",
      {},
      h("a", { class: "mark", href: "#/" }, "distnet"),
      h("nav", { "aria-label": "Views" }, items),
      this.who && h("span", { class: "who" }, this.who.user, h("span", {}, ` · ${this.who.role}`)),
      h("button", { type: "button", class: "plain", onclick: () => this.signOut() }, "Sign out"),
    );
  }
}

new App().start(takeToken() ?? keptToken());
