"""What the limits of teams say of thousands of waiting jobs at once."""

import math

import numpy as np

from distnet.scheduler.columns import Bools, Floats, Jobs
from distnet.scheduler.limits.teams import TeamLimits


class QueueLimits:
    """What the limits of teams say of each job of a queue, from one position of it to another."""

    def __init__(self, limits: TeamLimits, queue: Jobs, now: float) -> None:
        self._limits, self._team = limits, queue.team
        self._ends_at = now + queue.expected_s
        self._needed = _needed(queue)
        # no limit keeps a job from what it does not need, even if its team is beyond it
        self._limited = np.where(self._needed > 0, self._needed, -math.inf)
        self._fits_alone = _both(self._limited <= limits.limit[:, queue.team])

    def may_be_heads(self, begin: int, end: int) -> Bools:
        """Which jobs may become the first that waits for the limit of their team."""
        return self._fits_alone[begin:end] & ~self._limits.has_head[self._team[begin:end]]

    def delayed(self, begin: int, end: int) -> Bools:
        """Which would delay the first job of their team that waits for the limit."""
        limits, team = self._limits, self._team[begin:end]
        is_longer = self._ends_at[begin:end] > limits.head_at[team]
        fits = _both(self._needed[:, begin:end] <= limits.head_left[:, team])
        return is_longer & ~fits

    def admit(self, begin: int, end: int) -> tuple[Bools, Bools]:
        """Which jobs their teams may add now, and which soon."""
        left, needed = self._limits.left[:, self._team[begin:end]], self._limited[:, begin:end]
        soon = _both(needed <= left[2:])
        return soon & _both(needed <= left[:2]), soon


def _both(each: Bools) -> Bools:
    """Where something holds of CPUs and of GPUs."""
    found: Bools = each[0] & each[1]
    return found


def _needed(queue: Jobs) -> Floats:
    """The CPUs of each job, and its GPUs."""
    return np.stack([queue.min_workers * queue.cpus, queue.min_workers * queue.gpus]).astype(float)
