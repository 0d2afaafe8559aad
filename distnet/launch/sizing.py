"""How many workers an attempt gets: what there is, between the fewest and the most."""

import time
from collections.abc import Callable
from dataclasses import dataclass

from distnet.errors import NotEnoughResourcesError, StoppedError
from distnet.launch.launcher import Launcher


@dataclass(frozen=True)
class Size:
    """The workers that a run may have."""

    fewest: int
    most: int
    is_asked: bool = False
    """Somebody asked for just the most: a Ray of our own then has more workers than cores."""

    def asked_for(self, workers: int) -> "Size":
        """The size after somebody asked for `workers`: those, or what there is of them."""
        return Size(min(self.fewest, workers), workers, is_asked=True)


SETTLED_AFTER_S = 3.0
"""What an attempt that has just ended gives back is seen to be free so much later, at most."""
LOOKED_AT_EVERY_S = 0.5


def choose_workers(
    launcher: Launcher,
    size: Size,
    *,
    is_first: bool,
    wait_s: float,
    tell: Callable[[str], None],
    is_stopped: Callable[[], bool],
) -> int:
    """Wait until there is room for the fewest, and take as many as there are.

    Args:
        launcher: where.
        size: the fewest and the most.
        is_first: what can never fit is refused at once; later, machines that were lost may come
            back.
        wait_s: how long to wait for room.
        tell: is told once what is waited for.
        is_stopped: whether to give up waiting.

    Raises:
        NotEnoughResourcesError: there is no room, and none came.
        StoppedError: a planned stop was asked for meanwhile.
    """
    if not launcher.is_shared:
        is_exact = size.is_asked or size.fewest == size.most
        return size.most if is_exact else _within(size, launcher.room())
    if is_first and launcher.room() < size.fewest:
        raise NotEnoughResourcesError(launcher.describe_room(size.fewest))
    began, has_told = time.monotonic(), False
    while True:
        free, waited = launcher.free_workers(), time.monotonic() - began
        if free >= size.most or (free >= size.fewest and waited > SETTLED_AFTER_S):
            return _within(size, free)
        if is_stopped():
            missing = launcher.describe_room(size.fewest)
            raise StoppedError(f"stopped while waiting for room: {missing}")
        if waited > wait_s:
            raise NotEnoughResourcesError(
                f"no room for {size.fewest} workers came within {waited:.0f} s; "
                + launcher.describe_room(size.fewest)
            )
        if waited > SETTLED_AFTER_S and not has_told:
            has_told = True
            tell(f"waiting for room: {free} of {size.fewest} workers fit into what is free now")
        time.sleep(LOOKED_AT_EVERY_S)


def _within(size: Size, found: int) -> int:
    return max(size.fewest, min(size.most, found))
