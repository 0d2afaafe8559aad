"""Answers that take long, without the mirror's lock: one at a time, and few requests may wait."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager

from distnet.protocol.errors import UnavailableError

MAX_QUEUED = 8


class Turns:
    """The turns of requests for one kind of answer.

    Args:
        what: the answers, for the message.
    """

    def __init__(self, what: str) -> None:
        self._what = what
        self._queue = threading.Semaphore(MAX_QUEUED)
        self._turn = threading.Lock()

    @contextmanager
    def take(self) -> Iterator[None]:
        """Wait for the turn of a request, which lasts until the end of the context.

        Raises:
            UnavailableError: `busy`: too many requests wait.
        """
        if not self._queue.acquire(blocking=False):
            raise UnavailableError(f"too many {self._what} at once; try again", code="busy")
        try:
            with self._turn:
                yield
        finally:
            self._queue.release()
