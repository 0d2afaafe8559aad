"""The running jobs that a waiting job waits for: a few, ordered by their expected end."""

from functools import cached_property

import numpy as np

from distnet.scheduler.capacity.kinds import Kinds
from distnet.scheduler.columns import Bools, Ints, Running
from distnet.scheduler.limits.teams import MAX_BLOCKERS


class Blockers:
    """Finds the jobs on nodes where a waiting job could run."""

    def __init__(self, kinds: Kinds, running: Running) -> None:
        self._kinds, self._running = kinds, running
        self._known: dict[bytes, tuple[int, ...]] = {}

    def of(self, kind: int) -> tuple[int, ...]:
        """Return the numbers of those that end first."""
        _, fits = self._kinds.types
        useful = fits[:, kind]
        key = useful.tobytes()
        if key not in self._known:
            self._known[key] = self._find(useful)
        return self._known[key]

    def _find(self, useful: Bools) -> tuple[int, ...]:
        """Find those on nodes of useful types."""
        running, (types, _) = self._running, self._kinds.types
        rows = useful[types[running.row_node]]
        blocks = np.zeros(len(running), dtype=bool)
        blocks[running.row_job[rows]] = True
        first = self._by_end[blocks[self._by_end]][:MAX_BLOCKERS]
        return tuple(running.jobs.number[first].tolist())

    @cached_property
    def _by_end(self) -> Ints:
        return np.lexsort((self._running.jobs.number, self._running.ends_at))
