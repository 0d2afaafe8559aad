// The logs of a job: loaded from near the end, and followed; the reader's position never moves.

import { h } from "./dom.js";
import { Stream } from "./stream.js";
import { moment } from "./text.js";

const BEGIN_BYTES = 200_000;
const PROBE_BYTES = 4_000;
const MOST_BYTES = 4_000_000;
const NEAR_PX = 24;
// Colours and cursor movements for terminals.
const ESCAPES = /\u001b(?:\[[0-9;?]*[A-Za-z]|\][^\u0007]*\u0007)/g;
// The part of a line that what follows is written over.
const OVERWRITTEN = /[^\r\n]*\r+(?=[^\r\n])/g;

export class Logs {
  #app;
  #job;
  #names = [];
  #log = null;

  constructor(app, job) {
    this.#app = app;
    this.#job = job;
  }

  async read(api, signal, names, isOpen) {
    this.#names = names.filter((name) => name !== "metrics");
    if (!this.#log && this.#names.length) this.#log = new Log(this.#job, this.#names[0]);
    await this.#log?.read(api, signal, isOpen);
  }

  draw(removedAt) {
    const log = this.#log;
    if (!log) {
      const removed = removedAt && `The log was removed on ${moment(removedAt)}.`;
      return h("p", { class: "muted" }, removed || "The log is empty.");
    }
    return h(
      "div",
      { class: "logs" },
      h("div", { class: "tools" }, this.#drawNames(), this.#drawFollow(log)),
      log.begin > 0 &&
        h(
          "button",
          { type: "button", class: "earlier", onclick: () => this.#showEarlier(log) },
          "Show earlier lines",
        ),
      h("pre", {
        key: log.name,
        class: "log",
        tabindex: 0,
        role: "log",
        "aria-label": `Log ${log.name}`,
        "aria-live": log.isFollowed ? "polite" : "off",
        own: (element) => log.attach(element),
        onscroll: () => this.#scrolled(log),
      }),
    );
  }

  #drawNames() {
    const choose = (name) => {
      this.#log = new Log(this.#job, name);
      this.#app.draw();
      this.#app.refresh();
    };
    const chip = (name) =>
      h(
        "button",
        {
          key: name,
          type: "button",
          class: "chip",
          "aria-pressed": String(name === this.#log.name),
          onclick: () => choose(name),
        },
        name,
      );
    return h(
      "div",
      { class: "chips", role: "group", "aria-label": "Which log" },
      this.#names.map(chip),
    );
  }

  #drawFollow(log) {
    const onchange = (event) => {
      log.follow(event.target.checked);
      this.#app.draw();
    };
    return h(
      "label",
      { class: "switch" },
      h("input", { type: "checkbox", checked: log.isFollowed, onchange }),
      " Follow",
    );
  }

  #scrolled(log) {
    const isFollowed = log.isAtEnd;
    if (isFollowed === log.isFollowed) return;
    log.isFollowed = isFollowed;
    this.#app.draw();
  }

  async #showEarlier(log) {
    await log.readEarlier(this.#app.api);
    this.#app.draw();
  }
}

class Log {
  begin = 0; // the offset of the first shown byte
  isFollowed = true;
  #element = null;
  #stream;
  #hasBegun = false;
  #waiting = []; // what arrived before there was an element for it
  #num = 0; // shown bytes

  constructor(job, name) {
    this.name = name;
    this.#stream = new Stream(job, name);
  }

  get isAtEnd() {
    const { scrollTop, scrollHeight, clientHeight } = this.#element;
    return scrollHeight - clientHeight - scrollTop <= NEAR_PX;
  }

  attach(element) {
    this.#element = element;
    for (const piece of this.#waiting.splice(0)) this.#append(...piece);
  }

  follow(isFollowed) {
    this.isFollowed = isFollowed;
    if (isFollowed) this.#toEnd();
  }

  async read(api, signal, isOpen) {
    if (!this.#hasBegun) await this.#findBegin(api, signal);
    if (isOpen) this.#stream.isComplete = false; // it was retried
    await this.#stream.read(api, signal, (text, bytes) => this.#append(text, bytes));
  }

  // Inserts earlier lines at the top; the shown ones stay where they are on the screen.
  async readEarlier(api) {
    const end = this.begin;
    const from = await this.#lineNear(api, undefined, end - BEGIN_BYTES);
    const piece = await this.#stream.piece(api, undefined, from, end - from);
    if (end !== this.begin) return; // pressed twice
    const element = this.#element;
    const height = element.scrollHeight;
    this.begin = from;
    this.isFollowed = false;
    element.prepend(shown(piece.text, end - from));
    this.#num += end - from;
    element.scrollTop += element.scrollHeight - height;
  }

  async #findBegin(api, signal) {
    const { end } = await this.#stream.piece(api, signal, 0, 1);
    if (signal.aborted) return;
    const begin = await this.#lineNear(api, signal, end - BEGIN_BYTES);
    if (signal.aborted) return;
    this.#hasBegun = true;
    this.begin = this.#stream.next = begin;
  }

  // The offset of the first line after an offset; if lines are long, of the first character.
  async #lineNear(api, signal, offset) {
    if (offset <= 0) return 0;
    const { text } = await this.#stream.piece(api, signal, offset, PROBE_BYTES);
    const [cut] = /^\ufffd*/.exec(text); // each is a byte of a character that starts before
    const line = text.slice(cut.length, text.indexOf("\n") + 1);
    return offset + cut.length + new TextEncoder().encode(line).length;
  }

  #append(text, bytes) {
    if (!this.#element) {
      this.#waiting.push([text, bytes]);
      return;
    }
    const node = shown(text, bytes);
    if (this.#isOverwrittenBy(text)) this.#dropLastLine();
    this.#element.append(node);
    this.#num += bytes;
    if (this.isFollowed) {
      this.#dropFirst();
      this.#toEnd();
    }
  }

  // Keeps the document small: of a log that is followed for days it has only the end.
  #dropFirst() {
    const element = this.#element;
    while (this.#num > MOST_BYTES && element.childNodes.length > 1) {
      const { bytes } = element.firstChild;
      this.#num -= bytes;
      this.begin += bytes;
      element.firstChild.remove();
    }
  }

  // Whether a piece goes on with a line by writing over it, as progress bars do.
  #isOverwrittenBy(text) {
    const last = this.#element.lastChild?.data ?? "";
    return /^[^\n]*\r[^\r\n]/.test(text) || (last.endsWith("\r") && /^[^\r\n]/.test(text));
  }

  #dropLastLine() {
    for (let node = this.#element.lastChild; node; node = node.previousSibling) {
      const length = node.data.lastIndexOf("\n") + 1;
      node.data = node.data.slice(0, length);
      if (length) return;
    }
  }

  #toEnd() {
    if (this.#element) this.#element.scrollTop = this.#element.scrollHeight;
  }
}

function shown(text, bytes) {
  const clean = text.replace(/\r+\n/g, "\n").replace(ESCAPES, "").replace(OVERWRITTEN, "");
  return Object.assign(document.createTextNode(clean), { bytes });
}
