// Round after round while somebody looks.

const EVERY_MS = 2000;

export class Polling {
  #round;
  #asking = null;
  #timer = 0;

  // `round` is called with a signal that says when its answers are not wanted any more.
  constructor(round) {
    this.#round = round;
    document.addEventListener("visibilitychange", () => {
      if (document.hidden) this.pause();
      else this.now();
    });
  }

  // Begins a round at once, in the place of one that is on its way.
  async now() {
    this.pause();
    const asking = new AbortController();
    this.#asking = asking;
    try {
      await this.#round(asking.signal);
    } finally {
      if (this.#asking === asking && !document.hidden) {
        this.#timer = setTimeout(() => this.now(), EVERY_MS);
      }
    }
  }

  pause() {
    clearTimeout(this.#timer);
    this.#asking?.abort();
    this.#asking = null;
  }
}
