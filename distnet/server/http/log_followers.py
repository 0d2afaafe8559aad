"""Requests that wait for more of a job's logs: woken by its reports; they hold no thread.

They end when their client is gone, and a user has so many of them at most.
"""

import asyncio
import contextlib
import time
from collections import Counter, defaultdict
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass

from starlette.requests import ClientDisconnect
from starlette.types import Receive

from distnet.protocol.errors import TooManyError
from distnet.protocol.jobs import StreamResponse
from distnet.server.http.guard.disconnect import watched

LOOK_EVERY_S = 1.0
"""Also without a report: a job may end without one, and the server itself may end."""


class TooManyFollowersError(TooManyError):
    """A user follows many logs already."""

    code = "too_many_followers"
    wait_s = 5.0


@dataclass(frozen=True, slots=True)
class Follower:
    """A request that waits."""

    job: str
    user: str
    read: Callable[[], Awaitable[StreamResponse]]
    is_open: Callable[[], bool]
    """Whether the job has not ended, as far as is known without a lock."""
    receive: Receive
    """Of the request: says when its client is gone."""
    rest: Callable[[], None]
    """Called before it waits: others of the user may be served meanwhile."""


class LogFollowers:
    """Belongs to the event loop; only `close` may be called from other threads.

    Args:
        most_each: followers of one user.
    """

    def __init__(self, most_each: int) -> None:
        self._most_each = most_each
        self._waiting: defaultdict[str, set[asyncio.Event]] = defaultdict(set)
        self._users: Counter[str] = Counter()
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

    async def follow(self, follower: Follower, *, wait_s: float) -> StreamResponse:
        """Read repeatedly until there is something, or the time is over.

        Raises:
            TooManyFollowersError: too many requests of this user wait already.
            ClientDisconnect: the client is gone.
        """
        end = time.monotonic() + wait_s
        with self._listening(follower) as event:
            while True:
                event.clear()  # before reading, so that nothing in between is missed
                piece = await follower.read()
                if piece.text or piece.is_complete or self._is_over(end):
                    return piece
                follower.rest()
                await self._news(follower, event, end)

    async def _news(self, follower: Follower, event: asyncio.Event, end: float) -> None:
        """Wait until reading again may find something, or is pointless."""
        async with watched(follower.receive) as gone:
            gone.add_done_callback(lambda _: event.set())
            while not (event.is_set() or self._is_over(end)):
                left = max(0.0, end - time.monotonic())
                with contextlib.suppress(TimeoutError):
                    await asyncio.wait_for(event.wait(), min(left, LOOK_EVERY_S))
                if not follower.is_open():
                    break
            if gone.done():
                raise ClientDisconnect

    def _is_over(self, end: float) -> bool:
        return self._is_closing or time.monotonic() >= end

    @contextlib.contextmanager
    def _listening(self, follower: Follower) -> Iterator[asyncio.Event]:
        job, user = follower.job, follower.user
        if self._users[user] >= self._most_each:
            raise TooManyFollowersError(
                f"{user} follows {self._most_each:,} logs already (limits.followers_per_user); "
                "end some, or try again"
            )
        event = asyncio.Event()
        self._users[user] += 1
        self._waiting[job].add(event)
        try:
            yield event
        finally:
            self._users[user] -= 1
            if not self._users[user]:
                del self._users[user]
            self._waiting[job].discard(event)
            if not self._waiting[job]:
                del self._waiting[job]
