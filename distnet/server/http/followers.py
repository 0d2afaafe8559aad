"""Who waits for more of a job's logs: woken when its attempt reports, no thread held meanwhile."""

import asyncio
import contextlib
import time
from collections import defaultdict
from collections.abc import Awaitable, Callable, Iterator

from distnet.protocol.jobs import StreamAnswer

LOOKED_AT_EVERY_S = 1.0
"""Also without news: a job may end without a report, and the server itself may end."""


class Followers:
    """Belongs to the event loop; only `close` may be called from elsewhere."""

    def __init__(self) -> None:
        self._waiting: defaultdict[str, set[asyncio.Event]] = defaultdict(set)
        self._is_closing = False

    @property
    def num_waiting(self) -> int:
        """How many follow any job."""
        return sum(map(len, self._waiting.values()))

    def close(self) -> None:
        """Have everybody answered soon, because the server ends."""
        self._is_closing = True

    def tell(self, job: str) -> None:
        """Wake whoever waits for news of a job."""
        for news in self._waiting.get(job, ()):
            news.set()

    async def follow(
        self, job: str, read: Callable[[], Awaitable[StreamAnswer]], *, wait_s: float
    ) -> StreamAnswer:
        """Read until there is something, or the wait is over."""
        end = time.monotonic() + wait_s
        with self._listening(job) as news:
            while True:
                news.clear()  # before it is read: what comes meanwhile is news
                answer = await read()
                left = end - time.monotonic()
                if answer.text or answer.is_complete or self._is_closing or left <= 0:
                    return answer
                with contextlib.suppress(TimeoutError):
                    await asyncio.wait_for(news.wait(), min(left, LOOKED_AT_EVERY_S))

    @contextlib.contextmanager
    def _listening(self, job: str) -> Iterator[asyncio.Event]:
        news = asyncio.Event()
        self._waiting[job].add(news)
        try:
            yield news
        finally:
            self._waiting[job].discard(news)
            if not self._waiting[job]:
                del self._waiting[job]
