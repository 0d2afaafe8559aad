// The read-only sections of a job's page.

import { h } from "./dom.js";
import { ago, jobLinks, table } from "./parts.js";
import { link } from "./route.js";
import { count, duration, iso, moment, number } from "./text.js";

const MOST_EVENTS = 200;

// What it waits for, the jobs that hold it, and when it may start.
export function drawWhy(why, now) {
  const rows = [
    ["position in the queue", why.position == null ? null : number(why.position)],
    ["jobs ahead", why.ahead.length ? jobLinks(why.ahead) : null],
    ["resources held by", why.holders.length ? jobLinks(why.holders) : null],
    ["starts", estimate(why, now)],
    ["to start now", why.would_start || null],
  ].filter(([, value]) => value);
  return h(
    "section",
    { class: "why", "aria-label": "Why it waits" },
    h("h2", {}, "Why it waits"),
    h("p", { class: "lead", role: "status" }, why.reason),
    rows.length > 0 &&
      h(
        "dl",
        { class: "pairs" },
        rows.map(([name, value]) => [h("dt", {}, name), h("dd", {}, value)]),
      ),
  );
}

export function drawAttempts(attempts, now) {
  if (!attempts.length) return null;
  const heads = [
    ["#", "number"],
    ["cause"],
    ["workers"],
    ["started"],
    ["took", "number"],
    ["last step", "number"],
    ["ended"],
  ];
  const rows = attempts.toReversed().map((one) => attemptRow(one, now));
  return h(
    "section",
    { "aria-label": "Attempts" },
    h("h2", {}, "Attempts"),
    table(heads, h("tbody", {}, rows), "Attempts, the newest first"),
  );
}

// The newest first.
export function drawEvents(events) {
  if (!events.length) return null;
  const shown = events.slice(-MOST_EVENTS).toReversed();
  const left = events.length - shown.length;
  return h(
    "section",
    { "aria-label": "Events" },
    h("h2", {}, "Events"),
    h("ol", { class: "events" }, shown.map(drawEvent)),
    left > 0 && h("p", { class: "muted" }, `${number(left)} older events are not shown.`),
  );
}

export function drawJobFile(text) {
  return h(
    "section",
    { "aria-label": "Job file" },
    h("details", {}, h("summary", {}, "Job file"), h("pre", { tabindex: 0 }, text)),
  );
}

function estimate({ starts_at, error_s }, now) {
  if (starts_at == null) return "unknown, because the end of what it waits for is unknown";
  const wait =
    starts_at > now ? `in about ${duration(starts_at - now)}, ${moment(starts_at)}` : "soon";
  return error_s ? `${wait}, ± ${duration(error_s)}` : wait;
}

function attemptRow(one, now) {
  const num = Object.values(one.placement).reduce((total, workers) => total + workers, 0);
  const nodes = Object.keys(one.placement).length;
  return h(
    "tr",
    { key: one.number },
    h("td", { class: "number", "data-label": "attempt" }, number(one.number)),
    h("td", { "data-label": "cause" }, one.cause),
    h(
      "td",
      { class: "one", "data-label": "workers" },
      `${number(num)} on ${nodes === 1 ? "1 node" : `${number(nodes)} nodes`}`,
    ),
    h("td", { class: "one", "data-label": "started" }, moment(one.created_at)),
    h(
      "td",
      { class: "number", "data-label": "took" },
      duration((one.ended_at ?? now) - one.created_at),
    ),
    h("td", { class: "number", "data-label": "last step" }, number(one.step)),
    h(
      "td",
      { class: "ended" },
      ending(one, now),
      one.error && h("small", { class: "reason" }, one.error),
    ),
  );
}

function ending({ end, stop, failure, seen_at }, now) {
  if (end) return [end, stop && ` (${stop})`, failure && ` (${failure})`].filter(Boolean).join("");
  if (stop) return `stopping (${stop})`;
  return seen_at == null ? "no report yet" : ["running, last report ", ago(seen_at, now)];
}

function drawEvent({ number: key, time, actor, text }) {
  const at = { datetime: iso(time), title: moment(time) };
  return h("li", { key }, h("time", at, moment(time)), h("b", {}, actor), h("span", {}, text));
}

// The sweep or schedule that a job belongs to.
export function origin({ array, schedule }) {
  return [
    array && [", sweep ", h("a", { href: link(["sweeps", array]) }, array)],
    schedule && [", by schedule ", h("a", { href: link(["schedules"]) }, schedule)],
  ];
}

// What one of its workers has.
export function each({ cpus, gpus }) {
  return gpus ? `${count(cpus, "CPU")}, ${count(gpus, "GPU")}` : count(cpus, "CPU");
}
