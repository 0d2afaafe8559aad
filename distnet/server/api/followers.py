"""Who waits for more of a job's logs: woken when its attempt reports, no thread held meanwhile."""

import asyncio
import contextlib
import time
from collections.abc import Awaitable, Callable

from distnet.server.messages.jobs import StreamAnswer

LOOKED_AT_EVERY_S = 1.0
"""Also without news: a job may end without a report, and the server itself may end."""


class Followers:
    """Belongs to the event loop; only `close` may be called from elsewhere."""

    def __init__(self) -> None:
        self._news: dict[str, asyncio.Event] = {}
        self._is_closing = False
        self.num_waiting = 0

    def close(self) -> None:
        """Have everybody answered soon, because the server ends."""
        self._is_closing = True

    def tell(self, job: str) -> None:
        """Wake whoever waits for news of a job."""
        event = self._news.pop(job, None)
        if event is not None:
            event.set()

    async def follow(
        self, job: str, read: Callable[[], Awaitable[StreamAnswer]], *, wait_s: float
    ) -> StreamAnswer:
        """Read until there is something, or the wait is over."""
        end = time.monotonic() + wait_s
        answer = await read()
        while not (answer.text or answer.is_complete or self._is_closing):
            left = end - time.monotonic()
            if left <= 0:
                break
            news = self._news.setdefault(job, asyncio.Event())
            await self._wait(news, min(left, LOOKED_AT_EVERY_S))
            answer = await read()
        return answer

    async def _wait(self, news: asyncio.Event, wait_s: float) -> None:
        self.num_waiting += 1
        try:
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(news.wait(), wait_s)
        finally:
            self.num_waiting -= 1
