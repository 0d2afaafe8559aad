"""How long a job still waits: thought through on a view, while the server goes on.

An explanation plans several times over, which with thousands of jobs takes as long as many rounds.
So it is made without the mirror, one at a time, and a few may stand in line for theirs.
"""

import threading
from dataclasses import dataclass, field

from distnet.protocol.errors import UnavailableError
from distnet.scheduler.explain import Estimate, explain
from distnet.scheduler.view import View

MOST_IN_LINE = 8


@dataclass
class Explainer:
    """Explains to one after the other."""

    _line: threading.Semaphore = field(default_factory=lambda: threading.Semaphore(MOST_IN_LINE))
    _turn: threading.Lock = field(default_factory=threading.Lock)

    def estimate(self, view: View, job: int) -> Estimate:
        """Estimate when a waiting job starts, by its number.

        Raises:
            UnavailableError: `busy`: too many ask at the same time.
        """
        if not self._line.acquire(blocking=False):
            raise UnavailableError("too many ask at once why jobs wait; try again", code="busy")
        try:
            with self._turn:
                return explain(view, job)
        finally:
            self._line.release()
