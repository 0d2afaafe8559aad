// A stream of a job, read from an offset on: what has come is never asked for again.

import { part } from "./api.js";

const PIECE_BYTES = 250_000;

export class Following {
  #path;
  next;
  isComplete = false;

  constructor(job, stream, offset = 0) {
    this.#path = `jobs/${part(job)}/streams/${part(stream)}`;
    this.next = offset;
  }

  // Gives `take` all that has come since the last time: text, and its length in bytes.
  async read(api, signal, take) {
    for (let isMore = !this.isComplete; isMore;) {
      const from = this.next;
      const piece = await this.piece(api, signal, from, PIECE_BYTES);
      if (signal.aborted || from !== this.next) return;
      this.next = piece.next;
      this.isComplete = piece.is_complete;
      if (piece.text) take(piece.text, piece.next - from);
      isMore = piece.next < piece.end;
    }
  }

  // One piece from wherever it is wanted.
  piece(api, signal, offset, limit) {
    return api.get(this.#path, { offset, limit }, signal);
  }
}
