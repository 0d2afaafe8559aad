// Curves as SVG, in the colours of the page and the style of the report's figures.

import { h } from "./dom.js";
import { number } from "./text.js";

const WIDTH = 400;
const HEIGHT = 250;
const LEFT = 52;
const RIGHT = 12;
const TOP = 10;
const BOTTOM = 26;
const LARGE_RATIO = 10;
const NOISY = 100; // a line of at least this many points is drawn faintly, under its moving mean

// One figure. `lines`: label, kind (its colour), line, isNoisy; `begins`: steps at which attempts
// started; `format` writes a value; `at` is the step under the pointer, which `point` sets.
export function drawCurves({ title, lines, begins, format, fromZero, at, point }) {
  const shown = lines.filter(({ line }) => line?.x.length);
  if (!shown.length) return null;
  const scales = fit(shown, fromZero);
  const values = shown.map((one) => ({
    ...one,
    value: at == null ? one.line.last : valueAt(one.line, at),
  }));
  return h(
    "figure",
    { key: title, class: "curve" },
    h(
      "figcaption",
      {},
      h("strong", {}, title),
      h(
        "span",
        { class: "legend" },
        at != null && h("span", {}, `step ${number(at)}`),
        values.map((one) => legend(one, format)),
      ),
    ),
    h(
      "svg",
      {
        viewBox: `0 0 ${WIDTH} ${HEIGHT}`,
        role: "img",
        "aria-label": `${title}: ${values.map(({ label, value }) => `${label} ${format(value)}`).join(", ")}`,
        onpointermove: (event) => point(stepUnder(event, scales)),
        onpointerdown: (event) => point(stepUnder(event, scales)),
        onpointerleave: () => point(null),
      },
      axes(scales, format),
      begins
        .filter(({ step }) => step > scales.first)
        .map(({ step, cause }) => mark(scales.x(step), "begin", cause)),
      shown.map((one) => drawLine(one, scales)),
      at != null && mark(scales.x(at), "pointer"),
    ),
  );
}

function fit(lines, fromZero) {
  const xs = lines.flatMap(({ line }) => [line.x[0], line.x.at(-1)]);
  const smoothed = lines.flatMap(({ line, isNoisy }) => (isNoisy ? smooth(line.y) : line.y));
  const ys = lines.flatMap(({ line }) => line.y);
  const isLog =
    !fromZero &&
    Math.min(...smoothed) > 0 &&
    Math.max(...smoothed) / Math.min(...smoothed) > LARGE_RATIO;
  const [low, high] = widened(
    fromZero ? 0 : Math.min(...(isLog ? ys.filter((y) => y > 0) : ys)),
    Math.max(...ys),
    isLog,
    fromZero,
  );
  const [first, last] = [Math.min(...xs), Math.max(...xs)];
  const upright = isLog ? Math.log : (y) => y;
  const [bottom, top] = [upright(low), upright(high)];
  return {
    low,
    high,
    first,
    last,
    isLog,
    x: (step) => LEFT + ((step - first) / (last - first || 1)) * (WIDTH - LEFT - RIGHT),
    y: (value) =>
      HEIGHT -
      BOTTOM -
      ((upright(Math.max(value, isLog ? low : -Infinity)) - bottom) / (top - bottom)) *
        (HEIGHT - TOP - BOTTOM),
  };
}

function widened(low, high, isLog, fromZero) {
  if (isLog) return [low / 1.1, high * 1.1];
  const margin = (high - low) * 0.06 || Math.abs(high) * 0.1 || 1;
  return [fromZero ? 0 : low - margin, high + margin];
}

function drawLine({ kind, line, isNoisy }, scales) {
  const hasMean = isNoisy && line.y.length >= NOISY;
  const isFew = !isNoisy && line.x.length <= 40;
  return h(
    "g",
    { class: `line ${kind}` },
    h("path", { class: hasMean ? "faint" : "", d: path(line.x, line.y, scales) }),
    hasMean && h("path", { d: path(line.x, smooth(line.y), scales) }),
    isFew &&
      line.x.map((x, at) =>
        h("circle", { cx: round(scales.x(x)), cy: round(scales.y(line.y[at])), r: 2.4 }),
      ),
  );
}

function path(xs, ys, scales) {
  return xs
    .map((x, at) => `${at ? "L" : "M"}${round(scales.x(x))} ${round(scales.y(ys[at]))}`)
    .join("");
}

// The centred mean over a fiftieth of all points.
function smooth(ys) {
  const half = Math.floor(ys.length / 100);
  if (!half) return ys;
  const sums = [0];
  for (const y of ys) sums.push(sums.at(-1) + y);
  return ys.map((_, at) => {
    const [from, to] = [Math.max(at - half, 0), Math.min(at + half + 1, ys.length)];
    return (sums[to] - sums[from]) / (to - from);
  });
}

function axes(scales, format) {
  const across = ticks(scales.first, scales.last, 4).filter(Number.isInteger);
  const up = scales.isLog ? logTicks(scales.low, scales.high) : ticks(scales.low, scales.high, 5);
  return [
    up.map((value) => {
      const y = round(scales.y(value));
      return [
        h("line", { class: "grid", x1: LEFT, x2: WIDTH - RIGHT, y1: y, y2: y }),
        h("text", { class: "up", x: LEFT - 6, y: y + 4 }, short(value)),
      ];
    }),
    h("text", { class: "up", x: LEFT - 6, y: HEIGHT - 6 }, "step"),
    across.map((step) =>
      h("text", { class: "across", x: round(scales.x(step)), y: HEIGHT - 6 }, short(step)),
    ),
  ];
}

function ticks(low, high, num) {
  const rough = (high - low) / num || 1;
  const size = 10 ** Math.floor(Math.log10(rough));
  const step = [1, 2, 2.5, 5, 10].map((times) => times * size).find((one) => one >= rough * 0.999);
  const [found, first] = [[], Math.ceil(low / step)];
  // Counted: where the values are large and close together, another step is the same number.
  for (let at = 0; at <= 2 * num && (first + at) * step <= high * (1 + 1e-9); at += 1)
    found.push(Number(((first + at) * step).toPrecision(6)));
  return found;
}

function logTicks(low, high) {
  const found = [];
  for (let power = Math.floor(Math.log10(low)); power <= Math.log10(high); power += 1) {
    for (const times of high / low > 1000 ? [1] : [1, 2, 5])
      found.push(Number((times * 10 ** power).toPrecision(3)));
  }
  return found.filter((value) => value >= low && value <= high);
}

function mark(x, kind, label) {
  const at = round(x);
  return h(
    "g",
    { class: kind },
    label && h("title", {}, label),
    h("line", { x1: at, x2: at, y1: TOP, y2: HEIGHT - BOTTOM }),
  );
}

function legend({ label, kind, value }, format) {
  return h("span", { class: `key ${kind}` }, label, " ", h("b", {}, format(value)));
}

function valueAt({ x, y }, step) {
  let best = 0;
  for (let at = 0; at < x.length; at += 1)
    if (Math.abs(x[at] - step) < Math.abs(x[best] - step)) best = at;
  return y[best];
}

function stepUnder(event, scales) {
  const box = event.currentTarget.getBoundingClientRect();
  const part = (((event.clientX - box.left) / box.width) * WIDTH - LEFT) / (WIDTH - LEFT - RIGHT);
  return Math.round(scales.first + Math.min(1, Math.max(0, part)) * (scales.last - scales.first));
}

function short(value) {
  const size = Math.abs(value);
  if (size < 10_000 || size >= 1e15) return number(value);
  return size >= 1e6 ? `${number(value / 1e6)}M` : `${number(value / 1000)}k`;
}

function round(value) {
  return Math.round(value * 10) / 10;
}
