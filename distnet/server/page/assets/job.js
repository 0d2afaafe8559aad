// One job: its state, why it waits, its curves, logs, attempts, events and job file.

import { drawActions } from "./actions.js";
import { part, Refusal } from "./api.js";
import { drawCurves } from "./curves.js";
import { h } from "./dom.js";
import { allMetrics, metricTitle } from "./evaluation.js";
import { drawAttempts, drawEvents, drawJobFile, drawWhy, each, origin } from "./jobparts.js";
import { Logs } from "./logs.js";
import { Metrics } from "./metrics.js";
import { ago, facts, jobLink, loading, pill, steps, workers } from "./parts.js";
import { Report } from "./report.js";
import { link } from "./route.js";
import { duration, loss, metric, number, rate } from "./text.js";

const TERMINAL = ["finished", "stopped", "stopped early", "failed", "cancelled"];
const WAITING = ["waiting", "held"];
const MOST_CURVES = 5; // metrics that are drawn besides the loss
const KINDS = ["second", "third", "fourth"];

export class JobView {
  #app;
  #details = null;
  #why = null;
  #events = [];
  #nextEvent = 0;
  #isMissing = false;
  #pointer = null;
  #metrics;
  #logs;
  #report;

  constructor(app, name) {
    this.#app = app;
    this.title = name;
    this.#metrics = new Metrics(name);
    this.#logs = new Logs(app, name);
    this.#report = new Report(app, name);
  }

  async load(api, signal) {
    const path = `jobs/${part(this.title)}`;
    try {
      const details = await api.get(path, {}, signal);
      const why = WAITING.includes(details.job.state)
        ? await api.get(`${path}/why`, {}, signal)
        : null;
      if (signal.aborted) return;
      [this.#details, this.#why, this.#isMissing] = [details, why, false];
    } catch (error) {
      this.#isMissing =
        error instanceof Refusal && [404, 422].includes(error.status) && !this.#details;
      throw error;
    }
    this.#app.draw(); // logs and curves may take longer
    await this.#follow(api, signal, path);
  }

  draw() {
    if (this.#isMissing) return this.#drawMissing();
    if (!this.#details) return [h("h1", {}, this.title), loading()];
    const { job, attempts, spec } = this.#details;
    const now = this.#app.api.now();
    return [
      this.#drawHead(job, now),
      drawNote(job),
      drawActions(this.#app, job),
      this.#drawFacts(now),
      this.#why && drawWhy(this.#why, now),
      this.#drawCurves(),
      this.#report.draw(job),
      // Sections above it appear and disappear; the key keeps it the same element, with its text.
      h(
        "section",
        { key: "logs", "aria-label": "Logs" },
        h("h2", {}, "Logs"),
        this.#logs.draw(job.removed_at),
      ),
      drawAttempts(attempts, now),
      drawEvents(this.#events),
      drawJobFile(spec),
    ];
  }

  async #follow(api, signal, path) {
    const { job, streams } = this.#details;
    const isOpen = !TERMINAL.includes(job.state);
    await Promise.all([
      streams.includes("metrics") && this.#metrics.read(api, signal, isOpen),
      this.#logs.read(api, signal, streams, isOpen),
      this.#readEvents(api, signal, path),
    ]);
  }

  async #readEvents(api, signal, path) {
    const from = this.#nextEvent;
    const { events, next } = await api.get(`${path}/events`, { after: from }, signal);
    if (signal.aborted || from !== this.#nextEvent) return;
    this.#nextEvent = next;
    this.#events.push(...events);
    if (events.length) await this.#readEvents(api, signal, path);
  }

  #drawMissing() {
    const back = h("a", { href: "#/" }, "Back to the queue");
    return h(
      "div",
      { class: "nothing" },
      h("h1", {}, this.title),
      h("p", {}, "There is no job with this name."),
      back,
    );
  }

  #drawHead(job, now) {
    const owner = h("a", { href: link([], { owner: job.owner }) }, job.owner);
    const team = h("a", { href: link([], { team: job.team }) }, job.team);
    return h(
      "div",
      { class: "title" },
      h("h1", {}, job.name),
      h("span", { role: "status" }, pill(job.state)),
      h(
        "p",
        {},
        "of ",
        owner,
        ", team ",
        team,
        ", submitted ",
        ago(job.submitted_at, now),
        origin(job),
      ),
    );
  }

  #drawFacts(now) {
    const { job, after, use } = this.#details;
    const isLive = job.workers != null;
    const end = job.ended_at ?? now;
    return facts([
      ["step", steps(job)],
      ["train loss", job.loss == null ? null : loss(job.loss)],
      ...allMetrics(job, this.#declared),
      ["samples/s", isLive && rate(job.samples_per_second)],
      ["time left", isLive && duration(job.seconds_left)],
      [
        job.ended_at ? "took" : "running for",
        job.started_at == null ? null : duration(end - job.started_at),
      ],
      ["workers", workers(job)],
      ["each worker", each(job)],
      ["CPUs used", use.cpu_efficiency && metric(use.cpu_efficiency, "percent")],
      ["GPUs used", use.gpu_efficiency && metric(use.gpu_efficiency, "percent")],
      ["priority", number(job.priority)],
      ["attempts", job.num_attempts ? number(job.num_attempts) : null],
      [
        "after",
        after.length
          ? after.map((one, at) => [
              at ? ", " : "",
              jobLink(one.split(":")[0]),
              `:${one.split(":")[1]}`,
            ])
          : null,
      ],
      ["saved at step", this.#metrics.saved == null ? null : number(this.#metrics.saved)],
      [
        "weights, sha256",
        job.weights_sha256 &&
          h("code", { title: job.weights_sha256 }, job.weights_sha256.slice(0, 12)),
      ],
    ]);
  }

  #drawCurves() {
    const { steps: byName } = this.#metrics;
    const pace = {
      label: "all workers",
      kind: "first",
      line: byName.get("samples_per_second"),
      isNoisy: true,
    };
    const figures = [
      this.#curve("Loss", this.#lines("loss"), { format: loss }),
      ...this.#declared
        .slice(0, MOST_CURVES)
        .map(({ name, format }) =>
          this.#curve(metricTitle(name), this.#lines(name), { format: (value) => metric(value, format) }),
        ),
      this.#curve("Samples per second", [pace], { format: rate, fromZero: true }),
    ].filter(Boolean);
    if (!figures.length) return null;
    return h(
      "section",
      { "aria-label": "Training" },
      h("h2", {}, "Training"),
      h("div", { class: "figures" }, figures),
    );
  }

  // The task's metrics; of a run whose records do not declare them, the headline metric.
  get #declared() {
    return this.#metrics.declared ?? [this.#details.job.headline].filter(Boolean);
  }

  #lines(name) {
    const { steps: byName, epochs } = this.#metrics;
    const splits = [...epochs.keys()]
      .filter((key) => key.startsWith(`${name} `))
      .map((key) => key.slice(name.length + 1));
    const evaluated = splits.filter((split) => split !== "train");
    return [
      { label: "train", kind: "first", line: byName.get(name), isNoisy: true },
      ...evaluated.slice(0, KINDS.length).map((split, at) => ({
        label: split,
        kind: KINDS[at],
        line: epochs.get(`${name} ${split}`),
      })),
    ];
  }

  #curve(title, lines, how) {
    const point = (step) => {
      this.#pointer = step;
      this.#app.draw();
    };
    return drawCurves({
      title,
      lines,
      begins: this.#metrics.begins,
      at: this.#pointer,
      point,
      ...how,
    });
  }
}

function drawNote({ state, reason, error, failure }) {
  if (state === "failed") {
    return h(
      "p",
      { class: "note failed" },
      h("strong", {}, `Failed${failure ? ` (${failure})` : ""}: `),
      error || reason || "no reason was recorded",
    );
  }
  const text = error || reason;
  return text && !WAITING.includes(state) ? h("p", { class: "note" }, text) : null;
}
