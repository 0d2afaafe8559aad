"""How many workers an attempt gets: as many as fit, between the minimum and the maximum."""

import time
from collections.abc import Callable
from dataclasses import dataclass

from distnet.errors import NotEnoughResourcesError, StoppedError
from distnet.launch.launcher import Launcher
from distnet.spec.plural import counted

SETTLED_AFTER_S = 3.0
"""For this long, resources of an attempt that has just ended may seem to be in use."""
POLL_S = 0.5


@dataclass(frozen=True)
class WorkerRange:
    """The numbers of workers that a run may have."""

    min: int
    max: int
    is_requested: bool = False
    """A user requested exactly `max`: a private Ray then has more workers than cores."""

    def requested(self, workers: int) -> "WorkerRange":
        """The range after a user requested `workers`: those, or as many of them as fit."""
        return WorkerRange(min(self.min, workers), workers, is_requested=True)

    def clamp(self, workers: int) -> int:
        """The number in this range that is nearest to `workers`."""
        return max(self.min, min(self.max, workers))


def choose_workers(
    launcher: Launcher,
    limits: WorkerRange,
    *,
    is_first: bool,
    wait_s: float,
    emit: Callable[[str], None],
    is_stopped: Callable[[], bool],
) -> int:
    """Wait until the minimum fits, then take as many workers as fit.

    Args:
        launcher: where they run.
        limits: the minimum and the maximum.
        is_first: refuse at once what can never fit; later, lost machines may come back.
        wait_s: how long to wait for free resources.
        emit: receives one text about what is waited for.
        is_stopped: whether to stop waiting.

    Raises:
        NotEnoughResourcesError: the minimum does not fit, and nothing became free in time.
        StoppedError: a planned stop was requested meanwhile.
    """
    if not launcher.is_shared:
        is_exact = limits.is_requested or limits.min == limits.max
        return limits.max if is_exact else limits.clamp(launcher.capacity())
    if is_first and launcher.capacity() < limits.min:
        raise NotEnoughResourcesError(launcher.describe_shortage(limits.min))
    began, has_emitted = time.monotonic(), False
    while True:
        free, waited = launcher.free_workers(), time.monotonic() - began
        if free >= limits.max or (free >= limits.min and waited > SETTLED_AFTER_S):
            return limits.clamp(free)
        if is_stopped():
            shortage = launcher.describe_shortage(limits.min)
            raise StoppedError(f"stopped while waiting for free resources: {shortage}")
        if waited > wait_s:
            raise NotEnoughResourcesError(
                f"resources for {counted(limits.min, 'worker')} did not become free within "
                f"{waited:.0f} s; " + launcher.describe_shortage(limits.min)
            )
        if waited > SETTLED_AFTER_S and not has_emitted:
            has_emitted = True
            emit(f"waiting for free resources: {free} of {limits.min} workers fit now")
        time.sleep(POLL_S)
