// A list of jobs, page by page, with filters above and a pager below. Only one page is in the
// document, however many jobs there are.

import { h } from "./dom.js";
import { replaceRoute } from "./route.js";
import { number } from "./text.js";

const PAGE = 50;
const ALWAYS = ["open", "running", "waiting"];
const NAME = /^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$/;

export class Listing {
  page = null;
  #app;
  #parts;
  #afters = [null]; // `after` of each page, up to the shown one

  // `parts` is the view's route; `states` are the choices, the first one is the default.
  constructor(app, parts, query, states) {
    this.#app = app;
    this.#parts = parts;
    this.states = states;
    const state = states.includes(query.state) ? query.state : "";
    this.query = { ...onlyNames(query), state, text: plain(query.text ?? "") };
  }

  get state() {
    return this.query.state || this.states[0];
  }

  get isFiltered() {
    return Object.values(this.query).some(Boolean);
  }

  async load(api, signal) {
    const query = { ...this.query, state: this.state, limit: PAGE, after: this.#afters.at(-1) };
    const page = await api.get("jobs", query, signal);
    if (signal.aborted) return;
    if (!page.jobs.length && this.#afters.length > 1) {
      this.#afters = [null]; // the jobs of this page are gone
      await this.load(api, signal);
      return;
    }
    this.page = page;
  }

  filter(change) {
    Object.assign(this.query, change);
    this.#afters = [null];
    replaceRoute(this.#parts, this.query);
    this.#app.draw();
    this.#app.refresh();
  }

  clear() {
    this.filter(Object.fromEntries(Object.keys(this.query).map((name) => [name, ""])));
  }

  // The search, the states with their counts, the owner.
  drawFilters() {
    const { owner, team, array } = this.query;
    const user = this.#app.who?.user;
    return h(
      "form",
      { class: "filters", role: "search", onsubmit: (event) => event.preventDefault() },
      h("input", {
        type: "search",
        "aria-label": "Search by name",
        placeholder: "Search by name",
        maxlength: 63,
        value: this.query.text,
        oninput: (event) => this.filter({ text: plain(event.target.value) }),
      }),
      h(
        "div",
        { class: "chips", role: "group", "aria-label": "State" },
        this.states.map((state) => this.#stateChip(state)),
      ),
      h(
        "div",
        { class: "chips", role: "group", "aria-label": "Owner" },
        user &&
          chip("mine", owner === user, () => this.filter({ owner: owner === user ? "" : user })),
        owner && owner !== user && chip(`owner ${owner}`, true, () => this.filter({ owner: "" })),
        team && chip(`team ${team}`, true, () => this.filter({ team: "" })),
        array && chip(`sweep ${array}`, true, () => this.filter({ array: "" })),
      ),
    );
  }

  drawPager() {
    const { page } = this;
    const isFirst = this.#afters.length === 1;
    if (isFirst && !page.next) return null;
    const first = (this.#afters.length - 1) * PAGE;
    const range = `${number(first + 1)} – ${number(first + page.jobs.length)} of ${number(page.num_total)}`;
    return h(
      "nav",
      { class: "pager", "aria-label": "Pages" },
      h(
        "button",
        { type: "button", disabled: isFirst, onclick: () => this.#turn([null]) },
        "First",
      ),
      h(
        "button",
        { type: "button", disabled: isFirst, onclick: () => this.#turn(this.#afters.slice(0, -1)) },
        "Back",
      ),
      h("span", { role: "status" }, range),
      h(
        "button",
        {
          type: "button",
          disabled: !page.next,
          onclick: () => this.#turn([...this.#afters, page.next]),
        },
        "Next",
      ),
    );
  }

  // A user, team or sweep; pressing it shows only its jobs.
  narrow(name, value) {
    const narrowed = () => this.filter({ [name]: value });
    return h(
      "button",
      { type: "button", class: "link", title: `Only ${name} ${value}`, onclick: narrowed },
      value,
    );
  }

  async #turn(afters) {
    this.#afters = afters;
    await this.#app.refresh();
    scrollTo(0, 0);
  }

  #stateChip(state) {
    const isCounted = this.page && this.states.includes("open");
    const num = isCounted ? numOf(state, this.page.num_by_state) : null;
    const isChosen = state === this.state;
    if (num === 0 && !ALWAYS.includes(state) && !isChosen) return null;
    const text = num == null ? state : [state, " ", h("span", {}, number(num))];
    return chip(
      text,
      isChosen,
      () => this.filter({ state: state === this.states[0] ? "" : state }),
      state,
    );
  }
}

// The number of open jobs in a state, or in any.
function numOf(state, nums) {
  if (state === "open") return Object.values(nums).reduce((sum, num) => sum + num, 0);
  return nums[state] ?? 0;
}

function chip(text, isChosen, onclick, key) {
  return h(
    "button",
    { key, type: "button", class: "chip", "aria-pressed": String(isChosen), onclick },
    text,
  );
}

function plain(text) {
  return text.toLowerCase().replace(/[^a-z0-9-]/g, "");
}

function onlyNames({ owner = "", team = "", array = "" }) {
  const named = (text) => (NAME.test(text) ? text : "");
  return { owner: named(owner), team: named(team), array: named(array) };
}
