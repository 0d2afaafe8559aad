"""The clock of this machine, and whether somebody sets it.

Users' times (`--at`, cron, when a job ended) are those of the wall clock, and so is what the ledger
keeps. When that clock is set, or the machine was asleep, no job has trained any longer for it, and
nothing that was asked a moment ago was asked an hour ago.
"""

from collections.abc import Callable

SET_BY_S = 10.0
"""A difference above this is no drift."""


class Clock:
    """Tells how far the wall clock was set, until that is `settled`.

    Args:
        wall: Unix time.
        monotonic: seconds that pass whatever the wall clock says.
    """

    def __init__(self, wall: Callable[[], float], monotonic: Callable[[], float]) -> None:
        self._wall, self._monotonic = wall, monotonic
        self._apart = wall() - monotonic()

    def was_set_by(self) -> float:
        """Seconds, below 0 if it was set back; 0 if it was not."""
        by = self._wall() - self._monotonic() - self._apart
        if abs(by) > SET_BY_S:
            return by
        self._apart += by
        return 0.0

    def settled(self, by_s: float) -> None:
        """Everything that was measured by the clock has moved along."""
        self._apart += by_s
