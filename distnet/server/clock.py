"""The clock of this machine, and whether somebody sets it.

Users' times (`--at`, cron, when a job ended) are those of the wall clock, and so is what the ledger
keeps. When that clock is set, or the machine was asleep, no job has trained any longer for it, and
nothing that was asked a moment ago was asked an hour ago.
"""

from collections.abc import Callable

SET_BY_S = 10.0
"""A difference above this is no drift."""


class Clock:
    """Tells how far the wall clock was set since the last question.

    Args:
        wall: Unix time.
        monotonic: seconds that pass whatever the wall clock says.
    """

    def __init__(self, wall: Callable[[], float], monotonic: Callable[[], float]) -> None:
        self._wall, self._monotonic = wall, monotonic
        self._apart = wall() - monotonic()

    def was_set_by(self) -> float:
        """Seconds, below 0 if it was set back; 0 if it was not."""
        apart = self._wall() - self._monotonic()
        by, self._apart = apart - self._apart, apart
        return by if abs(by) > SET_BY_S else 0.0
