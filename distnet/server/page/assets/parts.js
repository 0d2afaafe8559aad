// Small parts that several views use.

import { h } from "./dom.js";
import { link } from "./route.js";
import { duration, iso, moment, number } from "./text.js";

export function pill(state) {
  return h("span", { class: `pill ${state}` }, state);
}

export function jobLink(name) {
  return h("a", { href: link(["jobs", name]) }, name);
}

export function jobLinks(names) {
  return names.map((name, at) => [at ? ", " : "", jobLink(name)]);
}

// A bar with a text, for eyes and for screen readers.
export function bar(value, most, text, kind = "") {
  return h(
    "div",
    { class: `bar ${kind}` },
    h("progress", { value: most ? value : 0, max: most || 1, "aria-label": text }),
    h("span", { "aria-hidden": "true" }, text),
  );
}

export function steps(job) {
  if (job.step == null && job.num_steps == null) return null;
  const text = `${number(job.step ?? 0)} / ${number(job.num_steps)}`;
  return bar(job.step ?? 0, job.num_steps, text, job.state);
}

// The number of workers (2, or 1→2 during a resize), or the range (1–4).
export function workers({ workers: now, wanted, fewest, most }) {
  if (now != null) return wanted == null ? number(now) : `${number(now)}→${number(wanted)}`;
  return fewest === most ? number(fewest) : `${number(fewest)}–${number(most)}`;
}

// How long ago; the tooltip has the date and time.
export function ago(time, now) {
  if (time == null) return null;
  return h(
    "time",
    { datetime: iso(time), title: moment(time) },
    `${duration(now - time)} ago`,
  );
}

export function facts(pairs) {
  const shown = pairs.filter(([, value]) => value != null && value !== false);
  return h(
    "dl",
    { class: "facts" },
    shown.map(([name, value]) => h("div", { key: name }, h("dt", {}, name), h("dd", {}, value))),
  );
}

export function table(heads, bodies, label) {
  const head = heads.map(([name, kind]) => h("th", { scope: "col", class: kind }, name));
  return h(
    "div",
    { class: "scroll" },
    h("table", { "aria-label": label }, h("thead", {}, h("tr", {}, head)), bodies),
  );
}

export function loading() {
  return h("p", { class: "muted" }, "Loading …");
}
