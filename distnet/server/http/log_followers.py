"""Requests that wait for more of a job's logs: woken by its reports; they hold no thread."""

import asyncio
import contextlib
import time
from collections import defaultdict
from collections.abc import Awaitable, Callable, Iterator

from distnet.protocol.jobs import StreamResponse

POLL_EVERY_S = 1.0
"""Also without a report: a job may end without one, and the server itself may end."""


class LogFollowers:
    """Belongs to the event loop; only `close` may be called from other threads."""

    def __init__(self) -> None:
        self._waiting: defaultdict[str, set[asyncio.Event]] = defaultdict(set)
        self._is_closing = False

    @property
    def num_waiting(self) -> int:
        """The number of waiting requests."""
        return sum(map(len, self._waiting.values()))

    def close(self) -> None:
        """Let all requests return soon, because the server ends."""
        self._is_closing = True

    def wake(self, job: str) -> None:
        """Wake the requests that wait for a job."""
        for event in self._waiting.get(job, ()):
            event.set()

    async def follow(
        self, job: str, read: Callable[[], Awaitable[StreamResponse]], *, wait_s: float
    ) -> StreamResponse:
        """Read repeatedly until there is something, or the time is over."""
        end = time.monotonic() + wait_s
        with self._listening(job) as event:
            while True:
                event.clear()  # before reading, so that nothing in between is missed
                piece = await read()
                left = end - time.monotonic()
                if piece.text or piece.is_complete or self._is_closing or left <= 0:
                    return piece
                with contextlib.suppress(TimeoutError):
                    await asyncio.wait_for(event.wait(), min(left, POLL_EVERY_S))

    @contextlib.contextmanager
    def _listening(self, job: str) -> Iterator[asyncio.Event]:
        event = asyncio.Event()
        self._waiting[job].add(event)
        try:
            yield event
        finally:
            self._waiting[job].discard(event)
            if not self._waiting[job]:
                del self._waiting[job]
