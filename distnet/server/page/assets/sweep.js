// One sweep: its jobs, the best first, with what each of them changes.

import { part, Refusal } from "./api.js";
import { h } from "./dom.js";
import { drawParallel } from "./parallel.js";
import { jobLink, loading, pill, table } from "./parts.js";
import { count, duration, metric, NONE, number } from "./text.js";

const FOLD = "data.fold";

export class SweepView {
  #app;
  #sweep = null;
  #isMissing = false;

  constructor(app, name) {
    this.#app = app;
    this.title = name;
  }

  async load(api, signal) {
    try {
      const sweep = await api.get(`sweeps/${part(this.title)}`, {}, signal);
      if (!signal.aborted) [this.#sweep, this.#isMissing] = [sweep, false];
    } catch (error) {
      this.#isMissing =
        error instanceof Refusal && [404, 422].includes(error.status) && !this.#sweep;
      throw error;
    }
  }

  draw() {
    if (this.#isMissing) return missing(this.title);
    if (!this.#sweep) return [h("h1", {}, this.title), loading()];
    const sweep = this.#sweep;
    return [
      h(
        "div",
        { class: "title" },
        h("h1", {}, this.title),
        h("p", { role: "status" }, count(sweep.trials.length, "job")),
      ),
      drawBest(sweep),
      drawRules(sweep),
      sweep.folds.length > 0 && drawFolds(sweep),
      drawTrials(sweep),
      drawParallel(sweep, settingText),
    ];
  }
}

function drawBest({ best, trials, headline, split }) {
  const trial = trials.find(({ name }) => name === best);
  if (!trial) return h("p", { class: "muted" }, "Nothing is measured yet.");
  const result = metric(trial.value, headline.format);
  return h("p", {}, "The best is ", jobLink(best), `: ${named(split, headline)} ${result}`);
}

// How the sweep treats its trials, where its user has said so.
function drawRules({ rungs, trials, trials_at_once: most }) {
  const stopped = trials.filter(({ state }) => state === "stopped early").length;
  const parts = rungs.map((part) => `1/${Math.round(1 / part)}`).join(", ");
  const rules = [
    rungs.length > 0 &&
      `Trials are compared at ${parts} of their epochs, and the best third goes on: ${stopped} of ${count(trials.length, "trial")} stopped early.`,
    most !== null && `At most ${count(most, "trial")} at once.`,
  ].filter(Boolean);
  return rules.length > 0 && h("p", { class: "muted" }, rules.join(" "));
}

function drawTrials({ keys, headline, split, trials }) {
  const heads = [
    ["job"],
    ...keys.map((key) => [key]),
    [named(split, headline), "number"],
    ["state"],
    ["step", "number"],
    ["time", "number"],
  ];
  const rows = trials.map((trial) =>
    h(
      "tr",
      { key: trial.name },
      h("td", { class: "job" }, jobLink(trial.name)),
      settings(trial.changes, keys),
      h(
        "td",
        { class: "number", "data-label": named(split, headline) },
        metric(trial.value, headline?.format),
      ),
      h(
        "td",
        { class: "state" },
        pill(trial.state),
        (trial.error || trial.reason) &&
          h("small", { class: "reason" }, trial.error || trial.reason),
      ),
      h("td", { class: "number", "data-label": "step" }, number(trial.step)),
      h("td", { class: "number", "data-label": "time" }, duration(trial.seconds)),
    ),
  );
  return table(heads, h("tbody", {}, rows), "Jobs of the sweep");
}

function drawFolds({ keys, headline, split, folds }) {
  const common = keys.filter((key) => key !== FOLD);
  const heads = [
    ...common.map((key) => [key]),
    ["folds", "number"],
    [`mean ${named(split, headline)}`, "number"],
    ["standard deviation", "number"],
  ];
  const rows = folds.map((one) =>
    h(
      "tr",
      { key: one.trials[0] },
      settings(one.changes, common),
      h("td", { class: "number", "data-label": "folds" }, `${one.values} of ${one.trials.length}`),
      h("td", { class: "number", "data-label": "mean" }, metric(one.mean, headline?.format)),
      h(
        "td",
        { class: "number", "data-label": "deviation" },
        metric(one.deviation, headline?.format),
      ),
    ),
  );
  return table(heads, h("tbody", {}, rows), "Folds");
}

function settings(changes, keys) {
  return keys.map((key) => h("td", { "data-label": key }, settingText(changes[key])));
}

// A value as in a job file: `0.01`, `adam`, `[16, 16]`.
function settingText(value) {
  if (value === undefined) return NONE;
  if (Array.isArray(value)) return `[${value.map(settingText).join(", ")}]`;
  return typeof value === "object" ? JSON.stringify(value) : String(value);
}

function named(split, headline) {
  return headline ? [split, headline.name].filter(Boolean).join(" ") : "result";
}

function missing(name) {
  return h(
    "div",
    { class: "nothing" },
    h("h1", {}, name),
    h("p", {}, "There is no sweep with this name."),
    h("a", { href: "#/" }, "Back to the queue"),
  );
}
