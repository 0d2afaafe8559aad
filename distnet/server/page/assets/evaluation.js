// The metrics of a job's last evaluation, whatever its task measures.

import { h } from "./dom.js";
import { metric, NONE } from "./text.js";

// The headline metric of the last evaluation, and on which split: `95.88%`, `test accuracy`.
export function result({ headline, metrics, split }) {
  const value = headline && metrics[headline.name];
  if (value == null) return NONE;
  return [metric(value, headline.format), h("small", {}, named(split, headline.name))];
}

// Words within names of metrics, as the field writes them; the same as in the report.
const ABBREVIATIONS = {
  bleu: "BLEU",
  f1: "F1",
  iou: "IoU",
  mae: "MAE",
  map: "mAP",
  map50: "mAP@50",
  wer: "WER",
};

// A metric as the title of its curve: `within_1` as `Within 1`.
export function metricTitle(name) {
  const words = name.split("_").map((word) => ABBREVIATIONS[word] ?? word).join(" ");
  return name.split("_")[0] in ABBREVIATIONS ? words : words[0].toUpperCase() + words.slice(1);
}

// All metrics of the last evaluation, the headline metric first.
export function allMetrics({ headline, metrics, split, step }, declared) {
  if (!headline) return [];
  const formats = new Map(declared.map(({ name, format }) => [name, format]));
  formats.set(headline.name, headline.format);
  const others = Object.keys(metrics).filter((name) => name !== headline.name);
  if (!(headline.name in metrics)) return step == null ? [] : [[headline.name, NONE]];
  return [headline.name, ...others].map((name) => [
    named(split, name),
    metric(metrics[name], formats.get(name)),
  ]);
}

function named(split, name) {
  return [split, name.replaceAll("_", " ")].filter(Boolean).join(" ");
}
