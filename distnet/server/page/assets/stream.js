// A stream of a job, read from an offset: nothing is requested twice.

import { part } from "./api.js";

const PIECE_BYTES = 250_000;

export class Stream {
  #path;
  next;
  isComplete = false;

  constructor(job, stream, offset = 0) {
    this.#path = `jobs/${part(job)}/streams/${part(stream)}`;
    this.next = offset;
  }

  // Calls `take` with everything new: its text, and its length in bytes.
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

  // One piece from any offset.
  piece(api, signal, offset, limit) {
    return api.get(this.#path, { offset, limit }, signal);
  }
}
