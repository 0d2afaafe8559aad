"""Turns of requests: so many of one owner are served at once, and its others wait their turn.

A flood of one owner then holds up that owner only: those that wait cost nothing.
"""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass


class Turn:
    """The turn of one request."""

    def __init__(self, release: Callable[[], None]) -> None:
        self._release = release
        self._is_over = False

    def end(self) -> None:
        """Let the next request have it, also before this one is over: it only waits now."""
        if not self._is_over:
            self._is_over = True
            self._release()


@dataclass
class _Lane:
    slots: asyncio.Semaphore
    num_requests: int = 0


class FairTurns:
    """The turns of all owners; used by one event loop.

    Args:
        at_once: requests of one owner that are served at once.
    """

    def __init__(self, at_once: int) -> None:
        self._at_once = at_once
        self._lanes: dict[str, _Lane] = {}

    @asynccontextmanager
    async def take(self, owner: str) -> AsyncIterator[Turn]:
        """Wait for a turn, which lasts until it is ended, or to the end of the context."""
        lane = self._lanes.setdefault(owner, _Lane(asyncio.Semaphore(self._at_once)))
        lane.num_requests += 1
        try:
            await lane.slots.acquire()
            turn = Turn(lane.slots.release)
            try:
                yield turn
            finally:
                turn.end()
        finally:
            lane.num_requests -= 1
            if not lane.num_requests:
                del self._lanes[owner]
