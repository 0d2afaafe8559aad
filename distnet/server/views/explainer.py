"""Estimate when a waiting job starts, while the server continues.

An estimate makes several plans, which takes as long as many iterations of the loop if there are
thousands of jobs. So it works on a view, without the lock; one at a time, and few may queue.
"""

import threading
from dataclasses import dataclass, field

from distnet.protocol.errors import UnavailableError
from distnet.scheduler.explain import Estimate, explain
from distnet.scheduler.view import View

MAX_QUEUED = 8


@dataclass
class Explainer:
    """Makes one estimate after the other."""

    _queue: threading.Semaphore = field(default_factory=lambda: threading.Semaphore(MAX_QUEUED))
    _turn: threading.Lock = field(default_factory=threading.Lock)

    def estimate(self, view: View, job: int) -> Estimate:
        """Estimate when a waiting job starts, by its number.

        Raises:
            UnavailableError: `busy`: too many requests for estimates.
        """
        if not self._queue.acquire(blocking=False):
            raise UnavailableError("too many estimates at once; try again", code="busy")
        try:
            with self._turn:
                return explain(view, job)
        finally:
            self._queue.release()
