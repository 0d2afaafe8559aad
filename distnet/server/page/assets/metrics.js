// Turns the records of `metrics.jsonl` into lines to draw.

import { Stream } from "./stream.js";

const MOST_POINTS = 2000;
const MOST_LINES = 200;
const LARGEST = 1e150; // sums and differences of such values are still numbers
const NOT_MEASURED = new Set(["kind", "attempt", "step", "epoch", "seconds"]);

export class Metrics {
  steps = new Map(); // loss, metrics and samples_per_second of the steps, by name
  epochs = new Map(); // of the epochs, by name and split: `loss train`, `loss test`, ...
  begins = []; // attempts: number, step, cause
  saved = null; // the newest checkpoint's step
  declared = null; // the task's metrics: name, format, direction; the headline metric first
  #stream;
  #rest = "";

  constructor(job) {
    this.#stream = new Stream(job, "metrics");
  }

  // Reads new records; `isOpen` says whether more may follow.
  read(api, signal, isOpen) {
    if (isOpen) this.#stream.isComplete = false; // it was retried
    return this.#stream.read(api, signal, (text) => this.#take(text));
  }

  #take(text) {
    const lines = (this.#rest + text).split("\n");
    this.#rest = lines.pop();
    for (const line of lines) {
      const record = parsed(line);
      if (record) this.#add(record);
    }
  }

  #add(record) {
    if (record.kind === "attempt") this.#begin(record);
    else if (record.kind === "step") this.#addStep(record);
    else if (record.kind === "epoch") this.#addEpoch(record);
    else if (record.kind === "checkpoint") this.saved = record.step;
  }

  // Steps after the one from which an attempt starts are computed and recorded again.
  #begin({ attempt, step, cause, metrics }) {
    if (Array.isArray(metrics)) this.declared = metrics.filter((one) => typeof one?.name === "string" && one.name);
    for (const line of [...this.steps.values(), ...this.epochs.values()]) line.cut(step);
    this.begins = this.begins.filter((one) => one.attempt !== attempt);
    this.begins.push({ attempt, step, cause });
  }

  #addStep(record) {
    for (const [name, value] of Object.entries(record)) {
      if (!NOT_MEASURED.has(name)) this.#point(this.steps, name, record.step, value);
    }
  }

  #addEpoch({ step, train, ...splits }) {
    const measured = Object.entries({ train, ...splits }).filter(
      ([, values]) => values?.loss !== undefined,
    );
    for (const [split, values] of measured) {
      for (const [name, value] of Object.entries(values)) {
        this.#point(this.epochs, `${name} ${split}`, step, value);
      }
    }
  }

  #point(lines, name, step, value) {
    if (!(Math.abs(value) <= LARGEST) || !Number.isSafeInteger(step)) return;
    if (!lines.has(name) && lines.size >= MOST_LINES) return;
    if (!lines.has(name)) lines.set(name, new Line());
    lines.get(name).add(step, value);
  }
}

// Points with increasing x. When a line gets long, pairs of points are replaced by their mean.
export class Line {
  x = [];
  y = [];
  last = null;
  #stride = 1;
  #sum = 0;
  #num = 0;

  add(x, y) {
    if (this.x.length && x <= this.x.at(-1)) this.cut(x - 1);
    this.last = y;
    this.#sum += y;
    this.#num += 1;
    if (this.#num < this.#stride) return;
    this.#push(x, this.#sum / this.#num);
    if (this.x.length >= MOST_POINTS) this.#halve();
  }

  // Removes the points after x.
  cut(x) {
    while (this.x.length && this.x.at(-1) > x) {
      this.x.pop();
      this.y.pop();
    }
    this.#sum = this.#num = 0;
  }

  #push(x, y) {
    this.x.push(x);
    this.y.push(y);
    this.#sum = this.#num = 0;
  }

  #halve() {
    const odd = (_, at) => at % 2 === 1;
    this.y = this.y.map((y, at) => (y + this.y[Math.max(0, at - 1)]) / 2).filter(odd);
    this.x = this.x.filter(odd);
    this.#stride *= 2;
  }
}

function parsed(line) {
  // A killed attempt may have left an incomplete line in front of the next one's first line.
  const begin = line.lastIndexOf('{"kind"');
  try {
    return begin < 0 ? null : JSON.parse(line.slice(begin));
  } catch {
    return null;
  }
}
