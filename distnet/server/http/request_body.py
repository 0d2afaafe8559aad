"""Read request bodies within limits of size, time and memory.

Bytes are counted while they arrive, whatever the headers say.
"""

import asyncio
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from starlette.requests import ClientDisconnect
from starlette.types import Message, Receive

from distnet.protocol.errors import ServerError, TooLargeError


class TooSlowError(ServerError):
    """A body did not arrive in time."""

    status = 408
    code = "too_slow"


class MemoryFullError(ServerError):
    """Bodies of other requests use the memory that is reserved for them."""

    status = 503
    code = "too_many_bytes"
    wait_s = 1.0


class BodyMemory:
    """The memory for bodies, at most half of it for one sender; used by one event loop."""

    def __init__(self, num_bytes: int) -> None:
        self._num_bytes = num_bytes
        self._used: Counter[str] = Counter()

    @contextmanager
    def reserved(self, sender: str) -> Iterator[Callable[[int], None]]:
        """Yield a function that reserves more bytes, or raises MemoryFullError; free them after."""
        reserved = 0

        def reserve(num_bytes: int) -> None:
            nonlocal reserved
            own, total = self._used[sender] + num_bytes, self._used.total() + num_bytes
            if own > self._num_bytes // 2 or total > self._num_bytes:
                raise MemoryFullError("too many large requests at once")
            reserved += num_bytes
            self._used[sender] = own

        try:
            yield reserve
        finally:
            self._used[sender] -= reserved
            if not self._used[sender]:
                del self._used[sender]


async def read_body(
    receive: Receive, *, most_bytes: int, within_s: float, reserve: Callable[[int], None]
) -> bytes:
    """Read the body of a request; `reserve` is called for each piece before it is kept.

    Raises:
        TooLargeError: it is longer than allowed; the rest was not read.
        TooSlowError: it did not arrive in time.
        ClientDisconnect: the client has closed the connection.
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
                reserve(len(piece))
                pieces.append(piece)
                if not message.get("more_body", False):
                    return b"".join(pieces)
    except TimeoutError:
        raise TooSlowError(f"the body did not arrive within {within_s:g} s") from None


def replay(body: bytes, receive: Receive) -> Receive:
    """Make a `receive` that returns a body that was read already, then what follows it."""
    is_returned = False

    async def again() -> Message:
        nonlocal is_returned
        if is_returned:
            return await receive()
        is_returned = True
        return {"type": "http.request", "body": body, "more_body": False}

    return again
