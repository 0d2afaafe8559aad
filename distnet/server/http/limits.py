"""How fast anybody may ask, and how much they may send.

Source: the token bucket, RFC 2697. A body is counted while it comes, whatever its header says.
"""

import asyncio
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from starlette.requests import ClientDisconnect
from starlette.types import Message, Receive

from distnet.protocol.errors import ServerError, TooLargeError

MOST_KEYS = 10_000


class TooSlowError(ServerError):
    """A body that did not come in time."""

    status = 408
    code = "too_slow"


class FullError(ServerError):
    """Bodies of other requests take up the memory that there is for them."""

    status = 503
    code = "too_many_bytes"


@dataclass(slots=True)
class _Level:
    tokens: float
    seen_at: float


class Buckets:
    """One bucket of tokens for each key; a bucket fills at a constant rate up to its size."""

    def __init__(
        self, per_s: float, *, at_once: float, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._per_s = per_s
        self._size = at_once
        self._clock = clock
        self._levels: dict[str, _Level] = {}
        self._lock = threading.Lock()

    def take(self, key: str) -> float:
        """Take a token; returns 0, or in how many seconds there will be one."""
        with self._lock:
            level = self._level(key)
            if level.tokens >= 1:
                level.tokens -= 1
                return 0.0
            return (1 - level.tokens) / self._per_s

    def give_back(self, key: str) -> None:
        """Put a token back that was not needed after all."""
        with self._lock:
            level = self._level(key)
            level.tokens = min(self._size, level.tokens + 1)

    def _level(self, key: str) -> _Level:
        now = self._clock()
        level = self._levels.get(key)
        if level is None:
            if len(self._levels) >= MOST_KEYS:
                self._forget_full(now)
            level = self._levels[key] = _Level(self._size, now)
        level.tokens = min(self._size, level.tokens + (now - level.seen_at) * self._per_s)
        level.seen_at = now
        return level

    def _forget_full(self, now: float) -> None:
        """Drop buckets that are full again; if too many are left, those not used for longest."""
        filled_in = self._size / self._per_s
        kept = [item for item in self._levels.items() if now - item[1].seen_at < filled_in]
        kept.sort(key=lambda item: item[1].seen_at)
        self._levels = dict(kept[-MOST_KEYS // 2 :])


class Room:
    """Memory for bodies, of which no sender may have more than half; used by one event loop."""

    def __init__(self, num_bytes: int) -> None:
        self._num_bytes = num_bytes
        self._held: Counter[str] = Counter()

    @contextmanager
    def hold(self, sender: str) -> Iterator[Callable[[int], None]]:
        """Yields what takes more bytes, or raises FullError; all are given back at the end."""
        taken = 0

        def take(num_bytes: int) -> None:
            nonlocal taken
            own, all_ = self._held[sender] + num_bytes, self._held.total() + num_bytes
            if own > self._num_bytes // 2 or all_ > self._num_bytes:
                raise FullError("too many large requests at once")
            taken += num_bytes
            self._held[sender] = own

        try:
            yield take
        finally:
            self._held[sender] -= taken
            if not self._held[sender]:
                del self._held[sender]


async def read_body(
    receive: Receive, *, most_bytes: int, within_s: float, take: Callable[[int], None]
) -> bytes:
    """Read the body of a request, and no more of it than is allowed.

    `take` is told of each piece before it is kept; it may refuse.

    Raises:
        TooLargeError: it is longer; the rest was not read.
        TooSlowError: it did not come whole within the time.
        ClientDisconnect: nobody is there any more.
    """
    pieces: list[bytes] = []
    num_bytes = 0
    try:
        async with asyncio.timeout(within_s):
            while True:
                message = await receive()
                if message["type"] == "http.disconnect":
                    raise ClientDisconnect
                piece = message.get("body", b"")
                num_bytes += len(piece)
                if num_bytes > most_bytes:
                    raise TooLargeError(
                        f"found a body of more than {most_bytes / 1e6:g} MB, expected at most that"
                    )
                take(len(piece))
                pieces.append(piece)
                if not message.get("more_body", False):
                    return b"".join(pieces)
    except TimeoutError:
        raise TooSlowError(f"the body did not come whole within {within_s:g} s") from None


def replay(body: bytes, receive: Receive) -> Receive:
    """Give a body that was read already to whoever reads it next; then what comes after it."""
    is_given = False

    async def again() -> Message:
        nonlocal is_given
        if is_given:
            return await receive()
        is_given = True
        return {"type": "http.request", "body": body, "more_body": False}

    return again
