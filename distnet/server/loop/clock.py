"""The clock of this machine, and whether it was set.

Times of users (`--at`, cron, when a job ended) are wall-clock times, and so are those in the
ledger. When that clock is set, or the machine was asleep, no job has trained any longer because of
it, and an action of a moment ago was not an hour ago.
"""

from collections.abc import Callable

SET_BY_S = 10.0
"""A larger difference is not drift."""


class Clock:
    """Detects by how much the wall clock was set, until that is `settled`.

    Args:
        wall: Unix time.
        monotonic: seconds that pass however the wall clock is set.
    """

    def __init__(self, wall: Callable[[], float], monotonic: Callable[[], float]) -> None:
        self._wall, self._monotonic = wall, monotonic
        self._apart = wall() - monotonic()

    def was_set_by(self) -> float:
        """Seconds; negative if it was set back, 0 if it was not set."""
        by = self._wall() - self._monotonic() - self._apart
        if abs(by) > SET_BY_S:
            return by
        self._apart += by
        return 0.0

    def settled(self, by_s: float) -> None:
        """Note that all times that were measured with the clock have been moved along."""
        self._apart += by_s
