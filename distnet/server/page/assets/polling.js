// Loads repeatedly while the page is visible.

const EVERY_MS = 2000;

export class Polling {
  #load;
  #controller = null;
  #timer = 0;

  // `load` is called with a signal that aborts it.
  constructor(load) {
    this.#load = load;
    document.addEventListener("visibilitychange", () => {
      if (document.hidden) this.pause();
      else this.now();
    });
  }

  // Loads now; aborts a load that is running.
  async now() {
    this.pause();
    const controller = new AbortController();
    this.#controller = controller;
    try {
      await this.#load(controller.signal);
    } finally {
      if (this.#controller === controller && !document.hidden) {
        this.#timer = setTimeout(() => this.now(), EVERY_MS);
      }
    }
  }

  pause() {
    clearTimeout(this.#timer);
    this.#controller?.abort();
    this.#controller = null;
  }
}
