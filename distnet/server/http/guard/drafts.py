"""Reading job files: it takes the processor, so few are read at once, and one of each user.

It is given up when the client is gone, or takes too long.
"""

import asyncio
import time
from collections.abc import Callable
from typing import TypeVar

from anyio import CapacityLimiter, to_thread
from starlette.requests import ClientDisconnect
from starlette.types import Receive

from distnet.protocol.errors import TooLargeError
from distnet.server.http.guard.disconnect import watched
from distnet.server.http.guard.fair_turns import FairTurns
from distnet.server.jobs.draft import Reading
from distnet.server.settings import Limits

T = TypeVar("T")


class Drafts:
    """The turns of requests with job files."""

    def __init__(self, limits: Limits) -> None:
        self._turns = FairTurns(1)
        self._threads = CapacityLimiter(limits.drafts)
        self._most_bytes, self._most_s = limits.job_file_bytes, limits.draft_s
        self._most_together = limits.bulk_bytes

    async def run(self, user: str, receive: Receive, act: Callable[[Reading], T]) -> T:
        """Call `act` in a thread when it is the turn of a user.

        Raises:
            ClientDisconnect: the client is gone.
            TooLargeError: a job file is too large; `too_long`: reading all took too long.
        """
        async with watched(receive) as gone, self._turns.take(user):
            return await to_thread.run_sync(self._act, act, gone, limiter=self._threads)

    def _act(self, act: Callable[[Reading], T], gone: "asyncio.Future[None]") -> T:
        end = time.monotonic() + self._most_s

        def go_on() -> None:
            if gone.done():
                raise ClientDisconnect
            if time.monotonic() > end:
                raise TooLargeError(
                    f"reading the job files took over {self._most_s:g} s (limits.draft); submit "
                    "fewer jobs at once, or smaller job files",
                    code="too_long",
                )

        go_on()
        return act(Reading(self._most_bytes, go_on, self._most_together))
