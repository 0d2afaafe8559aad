// Schedules of recurring jobs.

import { mayControl } from "./actions.js";
import { part } from "./api.js";
import { h } from "./dom.js";
import { ago, jobLink, loading, table } from "./parts.js";
import { duration, moment, number } from "./text.js";

const HEADS = [
  ["schedule"],
  ["when"],
  ["next"],
  ["last"],
  ["runs", "number"],
  ["overlap"],
  [""],
];

export class SchedulesView {
  title = "Schedules";
  #app;
  #schedules = null;

  constructor(app) {
    this.#app = app;
  }

  async load(api, signal) {
    const { schedules } = await api.get("schedules", {}, signal);
    if (!signal.aborted) this.#schedules = schedules;
  }

  draw() {
    return [
      h("div", { class: "title" }, h("h1", {}, "Schedules")),
      this.#schedules ? this.#drawSchedules(this.#schedules) : loading(),
    ];
  }

  #drawSchedules(schedules) {
    if (!schedules.length) {
      return h(
        "div",
        { class: "nothing" },
        h("p", {}, "There are no schedules."),
        h(
          "p",
          { class: "muted" },
          "Submit a job every night with ",
          h("code", {}, 'distnet schedule jobs/digits.yaml --cron "0 2 * * *"'),
        ),
      );
    }
    return table(
      HEADS,
      h(
        "tbody",
        {},
        schedules.map((one) => this.#row(one)),
      ),
      "Schedules",
    );
  }

  #row(one) {
    const now = this.#app.api.now();
    const why = one.is_blocked ? `${one.owner} is blocked` : one.is_paused && "paused";
    const next = why ? h("span", { class: "pill held" }, why) : nextRun(one, now);
    return h(
      "tr",
      { key: one.name },
      h("td", { class: "job" }, h("strong", {}, one.name), h("small", {}, one.owner)),
      h("td", { "data-label": "when" }, when(one), h("small", {}, one.tz)),
      h("td", { "data-label": "next" }, next),
      h(
        "td",
        { "data-label": "last" },
        one.last_job ? [jobLink(one.last_job), h("small", {}, ago(one.last_at, now))] : "–",
      ),
      h("td", { class: "number", "data-label": "runs" }, number(one.num_runs)),
      h("td", { "data-label": "overlap" }, one.overlap, h("small", {}, `missed: ${one.missed}`)),
      h("td", {}, mayControl(this.#app.who, one.owner) && this.#buttons(one)),
    );
  }

  #buttons(one) {
    const path = `schedules/${part(one.name)}`;
    const button = (name, command) =>
      h(
        "button",
        {
          type: "button",
          class: command.isBad ? "bad" : null,
          onclick: () => this.#confirm(one, name, command),
        },
        name,
      );
    const { api } = this.#app;
    return h(
      "div",
      { class: "buttons" },
      one.is_paused
        ? button("Resume", {
            text: "The schedule submits jobs again.",
            act: () => api.post(`${path}/resume`),
          })
        : button("Pause", {
            text: "The schedule submits nothing until it is resumed.",
            act: () => api.post(`${path}/pause`),
          }),
      button("Remove", {
        text: "The jobs that it has submitted are kept.",
        isBad: true,
        act: () => api.remove(path),
      }),
    );
  }

  #confirm(one, name, { text, isBad, act }) {
    this.#app.dialog.confirm({
      title: `${name} ${one.name}?`,
      text,
      button: name,
      isBad,
      act: async () => {
        await act();
        this.#app.refresh();
      },
    });
  }
}

function when({ cron, at }) {
  return cron ? h("code", {}, cron) : `once, ${moment(at)}`;
}

function nextRun({ next_at }, now) {
  if (next_at == null) return "never";
  return [moment(next_at), h("small", {}, next_at > now ? `in ${duration(next_at - now)}` : "now")];
}
