// A sweep as parallel coordinates: each job is a line that crosses one axis a key, and last that of
// the metric. The best one is drawn above the others.

import { h } from "./dom.js";
import { metric } from "./text.js";

const WIDTH = 560;
const HEIGHT = 250;
const LEFT = 20;
const RIGHT = 76;
const TOP = 14;
const BOTTOM = 30;
const LOG_FROM = 30; // as in the report
const APART = 13; // labels that are nearer than this would overlap

export function drawParallel({ keys, trials, headline, split, best }, textOf) {
  const measured = trials.filter(({ value }) => value != null);
  if (!headline || !keys.length || measured.length < 2) return null;
  const name = [split, headline.name].filter(Boolean).join(" ");
  const axes = [
    ...keys.map((key) => axisOf(key, measured.map(({ changes }) => changes[key]), textOf)),
    axisOf(name, measured.map(({ value }) => value), (value) => metric(value, headline.format)),
  ];
  const x = (at) => LEFT + (at * (WIDTH - LEFT - RIGHT)) / (axes.length - 1);
  const title = `${measured.length} jobs over ${axes.map((axis) => axis.name).join(", ")}`;
  const lines = measured.map((trial, at) =>
    h(
      "g",
      { key: trial.name, class: trial.name === best ? "line first" : "line second" },
      h("title", {}, trial.name),
      h("path", {
        class: trial.name === best ? "best" : "",
        d: axes.map((axis, i) => `${i ? "L" : "M"}${round(x(i))} ${round(axis.y[at])}`).join(""),
      }),
    ),
  );
  return h(
    "figure",
    { class: "curve parallel" },
    h(
      "svg",
      { viewBox: `0 0 ${WIDTH} ${HEIGHT}`, role: "img", "aria-label": title },
      axes.map((axis, at) => drawAxis(axis, x(at), at === axes.length - 1)),
      lines.reverse(), // the best first in the table, so the last to be drawn
    ),
  );
}

// Where each value is on its axis, and the labels beside it.
function axisOf(name, values, textOf) {
  const at = scaled(values, textOf);
  const [low, high] = [Math.min(...at), Math.max(...at)];
  const y = at.map((value) => {
    const part = high > low ? (value - low) / (high - low) : 0.5;
    return HEIGHT - BOTTOM - part * (HEIGHT - TOP - BOTTOM);
  });
  const labels = new Map(y.map((height, index) => [height, textOf(values[index])]));
  return { name, y, labels: readable([...labels].sort(([a], [b]) => a - b)) };
}

// Those labels that are far enough from the one before, from the top.
function readable(labels) {
  const shown = [];
  for (const label of labels)
    if (!shown.length || label[0] - shown.at(-1)[0] >= APART) shown.push(label);
  return shown;
}

// Numbers to scale, by their logarithm if they differ much; anything else as names in their order.
function scaled(values, textOf) {
  if (!values.every((value) => typeof value === "number")) {
    const names = [...new Set(values.map(textOf))];
    return values.map((value) => names.indexOf(textOf(value)));
  }
  const [low, high] = [Math.min(...values), Math.max(...values)];
  return low > 0 && high / low >= LOG_FROM ? values.map(Math.log) : values;
}

function drawAxis({ name, labels }, x, isLast) {
  return h(
    "g",
    { key: name, class: "axis" },
    h("line", { class: "grid", x1: x, x2: x, y1: TOP, y2: HEIGHT - BOTTOM }),
    labels.map(([y, text]) => h("text", { x: x + 6, y: round(y) - 4 }, text)),
    h(
      "text",
      { class: isLast ? "up" : "", x: isLast ? WIDTH : x - LEFT / 2, y: HEIGHT - 8 },
      name,
    ),
  );
}

function round(value) {
  return Math.round(value * 10) / 10;
}
