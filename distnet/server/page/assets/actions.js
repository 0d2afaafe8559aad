// What a user may ask of a job, each confirmed before it is done.

import { part } from "./api.js";
import { h } from "./dom.js";
import { number } from "./text.js";

const WAITING = ["waiting", "held"];
const TRAINING = ["starting", "running", "unknown"];
const OPEN = [...WAITING, ...TRAINING, "stopping"];
const RETRIED = ["failed", "stopped", "cancelled"];

const VERBS = [
  {
    verb: "release",
    states: ["held"],
    text: () => "It waits for its turn again.",
    told: "waits for its turn",
  },
  {
    verb: "retry",
    states: RETRIED,
    text: () => "It is queued again, and goes on from its newest checkpoint if it has one.",
    told: "is queued again",
  },
  {
    verb: "hold",
    states: ["waiting", ...TRAINING],
    text: (job) =>
      job.state === "waiting"
        ? "It does not start until somebody releases it."
        : "It saves a checkpoint and gives up its place, until somebody releases it.",
    told: "is held",
  },
  {
    verb: "priority",
    states: OPEN,
    text: () => "A larger one starts first, and may take the place of jobs with a smaller one.",
    field: (job) => ({
      label: "Priority, -1000 to 1000",
      value: job.priority,
      min: -1000,
      max: 1000,
    }),
    body: (priority) => ({ priority }),
    told: "has another priority",
  },
  {
    verb: "resize",
    states: OPEN,
    text: (job) =>
      WAITING.includes(job.state)
        ? "It starts with so many workers. The result is the same with any number."
        : "It saves, and goes on with so many workers as soon as there is room; no step is lost.",
    field: (job) => ({ label: "Workers", value: job.workers ?? job.most, min: 1 }),
    body: (workers) => ({ workers }),
    told: "is to have another number of workers",
  },
  {
    verb: "stop",
    states: [...WAITING, ...TRAINING],
    isBad: true,
    text: (job) =>
      WAITING.includes(job.state)
        ? "It leaves the queue; retry puts it back."
        : "It saves a checkpoint first, then ends; retry goes on from there.",
    told: "was asked to stop",
  },
  {
    verb: "cancel",
    states: OPEN,
    isBad: true,
    text: () => "It ends for good. What it has saved stays in its run folder.",
    told: "is cancelled",
  },
];

// The buttons for what this user may ask of this job now.
export function drawActions(app, job) {
  if (!maySteer(app.who, job.owner)) return null;
  const fit = VERBS.filter(({ states }) => states.includes(job.state));
  if (!fit.length) return null;
  const buttons = fit.map((one) =>
    h(
      "button",
      {
        key: one.verb,
        type: "button",
        class: one.isBad ? "bad" : null,
        onclick: () => ask(app, job, one),
      },
      capital(one.verb),
    ),
  );
  return h(
    "div",
    { class: "buttons", role: "group", "aria-label": `Actions on ${job.name}` },
    buttons,
  );
}

// Whether somebody may steer what belongs to `owner`; the server judges it again.
export function maySteer(who, owner) {
  return who?.role === "admin" || (who?.role === "submitter" && who.user === owner);
}

function ask(app, job, { verb, text, field, body, isBad, told }) {
  app.dialog.ask({
    title: `${capital(verb)} ${job.name}?`,
    text: text(job),
    button: capital(verb),
    isBad,
    field: field?.(job),
    act: async (value) => {
      await app.api.post(`jobs/${part(job.name)}/${verb}`, body?.(value));
      app.tell(`${job.name} ${told}${value === undefined ? "" : `: ${number(value)}`}.`);
      app.refresh();
    },
  });
}

function capital(text) {
  return text[0].toUpperCase() + text.slice(1);
}
