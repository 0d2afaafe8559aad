// The page: its user, its view, and the trouble that it shows.

import { Api, Refusal, Unreachable } from "./api.js";
import { drawBanner } from "./banner.js";
import { Dialog } from "./dialog.js";
import { h, render } from "./dom.js";
import { HistoryView } from "./history.js";
import { JobView } from "./job.js";
import { NodesView } from "./nodes.js";
import { Polling } from "./polling.js";
import { QueueView } from "./queue.js";
import { dropToken, keepToken, keptToken, link, readRoute, takeToken } from "./route.js";
import { SchedulesView } from "./schedules.js";
import { SignIn } from "./signin.js";
import { SweepView } from "./sweep.js";

const VIEWS = [
  ["Queue", "", QueueView],
  ["Nodes", "nodes", NodesView],
  ["History", "history", HistoryView],
  ["Schedules", "schedules", SchedulesView],
];
const OF_NAME = { jobs: JobView, sweeps: SweepView };
const CLUSTER_EVERY_S = 8;
const TOAST_MS = 6000;

// What views use of the page.
class App {
  api = null;
  who = null;
  cluster = null;
  trouble = null;
  #view = null;
  #seenAt = 0;
  #clusterAt = 0;
  #toastTimer = 0;
  #polling = new Polling((signal) => this.#load(signal));
  #parts = Object.fromEntries(
    ["bar", "banner", "main", "toast", "dialog", "skip"].map((id) => [
      id,
      document.getElementById(id),
    ]),
  );

  constructor() {
    this.dialog = new Dialog(this.#parts.dialog);
    this.#parts.skip.onclick = (event) => {
      event.preventDefault(); // the address names the view
      this.#parts.main.focus();
    };
    addEventListener("hashchange", () => this.#navigate());
  }

  // Starts with a token, or shows the sign-in.
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

  // Loads everything from the server now.
  refresh() {
    return this.#polling.now();
  }

  // Draws what is loaded already.
  draw() {
    document.title = `${this.#view.title} · distnet`;
    render(this.#parts.bar, this.api ? this.#bar() : null);
    render(this.#parts.banner, drawBanner(this));
    render(this.#parts.main, this.#view.draw());
  }

  // Shows for a moment that something was done.
  toast(text) {
    clearTimeout(this.#toastTimer);
    render(this.#parts.toast, h("p", {}, text));
    this.#toastTimer = setTimeout(() => render(this.#parts.toast, null), TOAST_MS);
  }

  #navigate() {
    const given = takeToken();
    if (given) this.start(given);
    else if (this.api) this.#open();
    this.#parts.main.focus({ preventScroll: true });
    scrollTo(0, 0);
  }

  #open() {
    const route = readRoute();
    const [first = "", name] = route.parts;
    const known = VIEWS.find(([, path]) => path === first)?.[2] ?? QueueView;
    const single = name && OF_NAME[first];
    this.#show(single ? new single(this, name) : new known(this, route));
  }

  #show(view) {
    this.#view = view;
    this.draw();
    this.refresh();
  }

  async #load(signal) {
    if (!this.api) return;
    try {
      this.who ??= await this.api.get("whoami", {}, signal);
      await Promise.all([this.#view.load(this.api, signal), this.#loadCluster(signal)]);
      if (signal.aborted) return;
      this.trouble = null;
      this.#seenAt = this.api.now();
    } catch (error) {
      if (signal.aborted) return;
      this.#fail(error);
    }
    this.draw();
  }

  async #loadCluster(signal) {
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
    const [here = ""] = readRoute().parts;
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
