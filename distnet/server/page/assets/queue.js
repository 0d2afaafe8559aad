// The queue: running jobs, waiting jobs in the order of the scheduler, and why they wait.

import { h } from "./dom.js";
import { result } from "./evaluation.js";
import { Listing } from "./listing.js";
import { ago, jobLink, loading, pill, steps, table, workers } from "./parts.js";
import { count, duration, loss, number, rate } from "./text.js";

const STATES = ["open", "running", "waiting", "held", "starting", "stopping", "unknown"];
const HEADS = [
  ["#", "number"],
  ["job"],
  ["state"],
  ["steps"],
  ["train loss", "number"],
  ["metric", "number"],
  ["samples/s", "number"],
  ["time left", "number"],
  ["workers", "number"],
  ["priority", "number"],
];

export class QueueView {
  title = "Queue";
  #app;
  #listing;

  constructor(app, { query }) {
    this.#app = app;
    this.#listing = new Listing(app, [], query, STATES);
  }

  load(api, signal) {
    return this.#listing.load(api, signal);
  }

  draw() {
    const { page } = this.#listing;
    return [
      h(
        "div",
        { class: "title" },
        h("h1", {}, "Queue"),
        h("p", {}, drawCapacity(this.#app.cluster)),
        h("p", { class: "unseen", role: "status" }, page && this.#summary(page)),
      ),
      this.#listing.drawFilters(),
      page ? this.#drawJobs(page) : loading(),
    ];
  }

  #summary({ num_total, num_by_state }) {
    if (this.#listing.isFiltered) return `${count(num_total, "job")} found`;
    const shown = STATES.slice(1).filter((state) => num_by_state[state]);
    return shown.map((state) => `${number(num_by_state[state])} ${state}`).join(" · ");
  }

  #drawJobs({ jobs }) {
    if (!jobs.length) return this.#drawNothing();
    return [
      table(HEADS, this.#bodies(jobs), "Jobs in the order of the scheduler"),
      this.#listing.drawPager(),
    ];
  }

  #drawNothing() {
    if (this.#listing.isFiltered) {
      const clear = () => this.#listing.clear();
      return h(
        "div",
        { class: "nothing" },
        h("p", {}, "No open jobs match."),
        h("button", { type: "button", onclick: clear }, "Show all"),
      );
    }
    return h(
      "div",
      { class: "nothing" },
      h("p", {}, "No jobs are running or waiting."),
      h(
        "p",
        { class: "muted" },
        "Submit one with ",
        h("code", {}, "distnet submit jobs/digits.yaml"),
      ),
    );
  }

  #bodies(jobs) {
    const groups = new Map(
      ["Running", "Waiting, in order", "Not in the queue"].map((name) => [name, []]),
    );
    for (const job of jobs) groups.get(groupOf(job)).push(job);
    return [...groups]
      .filter(([, of]) => of.length)
      .map(([name, of]) =>
        h(
          "tbody",
          { key: name },
          h("tr", { class: "group" }, h("th", { colspan: HEADS.length, scope: "rowgroup" }, name)),
          of.map((job) => this.#row(job)),
        ),
      );
  }

  #row(job) {
    const now = this.#app.api.now();
    const isLive = groupOf(job) === "Running";
    return h(
      "tr",
      { key: job.name },
      h("td", { class: "number position" }, job.position == null ? "" : number(job.position)),
      h("td", { class: "job" }, jobLink(job.name), h("small", {}, this.#whose(job))),
      h("td", { class: "state" }, pill(job.state)),
      isLive ? liveCells(job) : whyCell(job, now),
      h("td", { class: "number", "data-label": "workers" }, workers(job)),
      h("td", { class: "number", "data-label": "priority" }, number(job.priority)),
    );
  }

  #whose({ owner, team, array }) {
    const listing = this.#listing;
    return [
      listing.narrow("owner", owner),
      " · ",
      listing.narrow("team", team),
      array && [" · ", listing.narrow("array", array)],
    ];
  }
}

// The free resources of the cluster.
function drawCapacity(cluster) {
  if (!cluster?.nodes.length) return null;
  const sum = (key) => cluster.nodes.reduce((total, node) => total + node[key], 0);
  const free = (kind) =>
    `${number(sum(`free_${kind}`))} of ${number(sum(kind))} ${kind.toUpperCase().replace("S", "s")} free`;
  return [
    free("cpus"),
    sum("gpus") ? `, ${free("gpus")}` : "",
    " on ",
    h("a", { href: "#/nodes" }, count(cluster.nodes.length, "node")),
  ];
}

function groupOf({ state, position }) {
  if (["starting", "running", "stopping", "unknown"].includes(state)) return "Running";
  return position == null ? "Not in the queue" : "Waiting, in order";
}

function liveCells(job) {
  return [
    h(
      "td",
      { class: "steps" },
      steps(job),
      job.reason && h("small", { class: "reason" }, job.reason),
    ),
    h("td", { class: "number", "data-label": "train loss" }, loss(job.loss)),
    h("td", { class: "number metric", "data-label": "metric" }, result(job)),
    h("td", { class: "number", "data-label": "samples/s" }, rate(job.samples_per_second)),
    h("td", { class: "number", "data-label": "time left" }, duration(job.seconds_left)),
  ];
}

function whyCell(job, now) {
  return h(
    "td",
    { class: "why", colspan: 5 },
    h("span", { class: "reason" }, job.reason || "waiting"),
    h(
      "small",
      {},
      "submitted ",
      ago(job.submitted_at, now),
      job.step ? `, at step ${number(job.step)} of ${number(job.num_steps)}` : "",
    ),
  );
}
