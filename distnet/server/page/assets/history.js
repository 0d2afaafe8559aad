// Ended jobs, the newest first.

import { h } from "./dom.js";
import { result } from "./evaluation.js";
import { Listing } from "./listing.js";
import { ago, jobLink, loading, pill, table } from "./parts.js";
import { count, duration, loss, NONE, number } from "./text.js";

const STATES = ["ended", "finished", "stopped", "stopped early", "failed", "cancelled"];
const HEADS = [
  ["job"],
  ["state"],
  ["ended"],
  ["took", "number"],
  ["steps", "number"],
  ["train loss", "number"],
  ["metric", "number"],
  ["attempts", "number"],
  ["weights"],
];

export class HistoryView {
  title = "History";
  #app;
  #listing;

  constructor(app, { query }) {
    this.#app = app;
    this.#listing = new Listing(app, ["history"], query, STATES);
  }

  load(api, signal) {
    return this.#listing.load(api, signal);
  }

  draw() {
    const { page } = this.#listing;
    const total = page && count(page.num_total, "job");
    return [
      h("div", { class: "title" }, h("h1", {}, "History"), h("p", { role: "status" }, total)),
      this.#listing.drawFilters(),
      page ? this.#drawJobs(page.jobs) : loading(),
    ];
  }

  #drawJobs(jobs) {
    if (!jobs.length)
      return h("div", { class: "nothing" }, h("p", {}, "No ended jobs match."));
    const now = this.#app.api.now();
    const rows = jobs.map((job) => this.#row(job, now));
    return [table(HEADS, h("tbody", {}, rows), "Ended jobs"), this.#listing.drawPager()];
  }

  #row(job, now) {
    const took = job.started_at == null ? null : job.ended_at - job.started_at;
    return h(
      "tr",
      { key: job.name },
      h(
        "td",
        { class: "job" },
        jobLink(job.name),
        h(
          "small",
          {},
          this.#listing.narrow("owner", job.owner),
          " · ",
          this.#listing.narrow("team", job.team),
        ),
      ),
      h("td", { class: "state" }, pill(job.state)),
      h(
        "td",
        { class: "ended" },
        ago(job.ended_at, now),
        job.error && h("small", { class: "reason" }, job.error),
      ),
      h("td", { class: "number", "data-label": "took" }, duration(took)),
      h("td", { class: "number", "data-label": "steps" }, number(job.step)),
      h("td", { class: "number", "data-label": "train loss" }, loss(job.loss)),
      h("td", { class: "number metric", "data-label": "metric" }, result(job)),
      h("td", { class: "number", "data-label": "attempts" }, number(job.num_attempts)),
      h(
        "td",
        { "data-label": "weights" },
        job.weights_sha256 ? h("code", {}, job.weights_sha256.slice(0, 10)) : NONE,
      ),
    );
  }
}
