// Commands on a job; each is confirmed first.

import { part } from "./api.js";
import { h } from "./dom.js";
import { number } from "./text.js";

const WAITING = ["waiting", "held"];
const TRAINING = ["starting", "running", "unknown"];
const OPEN = [...WAITING, ...TRAINING, "stopping"];
const RETRIED = ["failed", "stopped", "stopped early", "cancelled"];

const COMMANDS = [
  {
    command: "release",
    states: ["held"],
    text: () => "The job goes back to the queue.",
    done: "is back in the queue",
  },
  {
    command: "retry",
    states: RETRIED,
    text: () => "The job is queued again. It continues from its newest checkpoint, if it has one.",
    done: "is queued again",
  },
  {
    command: "hold",
    states: ["waiting", ...TRAINING],
    text: (job) =>
      job.state === "waiting"
        ? "The job does not start until it is released."
        : "The job saves a checkpoint and frees its resources. It continues when it is released.",
    done: "is held",
  },
  {
    command: "priority",
    states: OPEN,
    text: () => "Jobs with a higher priority start first, and may preempt jobs with a lower one.",
    field: (job) => ({
      label: "Priority, -1000 to 1000",
      value: job.priority,
      min: -1000,
      max: 1000,
    }),
    body: (priority) => ({ priority }),
    done: "has a new priority",
  },
  {
    command: "resize",
    states: OPEN,
    text: (job) =>
      WAITING.includes(job.state)
        ? "The job starts with this number of workers. The result is the same with any number."
        : "The job saves a checkpoint, and continues with this number of workers when the resources are free. No step is lost.",
    field: (job) => ({ label: "Workers", value: job.workers ?? job.most, min: 1 }),
    body: (workers) => ({ workers }),
    done: "will be resized",
  },
  {
    command: "stop",
    states: [...WAITING, ...TRAINING],
    isBad: true,
    text: (job) =>
      WAITING.includes(job.state)
        ? "The job leaves the queue. Retry puts it back."
        : "The job saves a checkpoint, then ends. Retry continues it from there.",
    done: "is being stopped",
  },
  {
    command: "cancel",
    states: OPEN,
    isBad: true,
    text: () => "The job ends for good. A running job saves a checkpoint first; its run folder is kept.",
    done: "is cancelled",
  },
];

// The buttons for the commands that this user can give now.
export function drawActions(app, job) {
  if (!mayControl(app.who, job.owner)) return null;
  const fit = COMMANDS.filter(({ states }) => states.includes(job.state));
  if (!fit.length) return null;
  const buttons = fit.map((one) =>
    h(
      "button",
      {
        key: one.command,
        type: "button",
        class: one.isBad ? "bad" : null,
        onclick: () => confirm(app, job, one),
      },
      capital(one.command),
    ),
  );
  return h(
    "div",
    { class: "buttons", role: "group", "aria-label": `Actions on ${job.name}` },
    buttons,
  );
}

// Whether a user may control what belongs to `owner`; the server checks it again.
export function mayControl(who, owner) {
  return who?.role === "admin" || (who?.role === "submitter" && who.user === owner);
}

function confirm(app, job, { command, text, field, body, isBad, done }) {
  app.dialog.confirm({
    title: `${capital(command)} ${job.name}?`,
    text: text(job),
    button: capital(command),
    isBad,
    field: field?.(job),
    act: async (value) => {
      await app.api.post(`jobs/${part(job.name)}/${command}`, body?.(value));
      app.toast(`${job.name} ${done}${value === undefined ? "" : `: ${number(value)}`}.`);
      app.refresh();
    },
  });
}

function capital(text) {
  return text[0].toUpperCase() + text.slice(1);
}
