"""Connections that were opened at once are served in turns of those who opened them."""

import asyncio
import socket
from contextlib import ExitStack, closing
from dataclasses import dataclass, field

import pytest

from distnet.server.http.guard.connections import Connections
from distnet.server.http.guard.fair_listener import LET_IN_AT_ONCE, FairListener
from distnet.server.http.guard.fair_queue import FairQueue
from distnet.server.http.guard.protocol import Guard
from distnet.server.http.guard.refusals import Refusals
from distnet.server.http.listen import bind
from distnet.server.settings import Limits

FLOOD = b"GET /api/v1/jobs HTTP/1.1\r\nAuthorization: Bearer eve\r\n\r\n"


@dataclass
class Arrivals:
    """What connections say first, in the order in which they are let in."""

    said: list[bytes] = field(default_factory=list)
    refused: list[str] = field(default_factory=list)

    def protocol(self) -> asyncio.Protocol:
        return _Noting(self.said)

    def guard(self, most: int) -> Guard:
        limits = Limits(connections=4 * most)
        return Guard(limits, Connections(limits), Refusals(self.refused.append))


class _Noting(asyncio.Protocol):
    def __init__(self, said: list[bytes]) -> None:
        self._said = said

    def data_received(self, data: bytes) -> None:
        self._said.append(data)


def let_in(requests: list[bytes], arrivals: Arrivals, *, most: int, wanted: int) -> None:
    """Open a connection for each request before any is let in, and wait for `wanted` of them."""

    async def serve(listener: socket.socket) -> None:
        serving = FairListener(listener, arrivals.protocol, arrivals.guard(most))
        async with asyncio.timeout(20):
            while len(arrivals.said) < wanted:
                await asyncio.sleep(0)
        serving.close()
        await serving.wait_closed()

    with bind("127.0.0.1", 0) as listener, ExitStack() as held:
        for request in requests:
            connection = socket.create_connection(listener.getsockname(), timeout=20)
            held.enter_context(closing(connection)).sendall(request)
        asyncio.run(serve(listener))


@pytest.mark.parametrize(
    "other",
    [
        b"GET /healthz HTTP/1.1\r\nAuthorization: Bearer eve\r\n\r\n",
        b"GET /api/v1/jobs HTTP/1.1\r\nHost: x\r\nauthorization:Bearer bob\r\n\r\n",
        b"GET / HTTP/1.1\r\nCookie: distnet=bob\r\n\r\n",
        b"GET / HTTP/1.1\r\n\r\n",
    ],
)
def test_whoever_comes_after_a_flood_is_served_among_the_first(other: bytes) -> None:
    arrivals = Arrivals()
    let_in([FLOOD] * 300 + [other], arrivals, most=1000, wanted=301)

    assert arrivals.said.index(other) < LET_IN_AT_ONCE
    assert arrivals.said.count(FLOOD) == 300
    assert not arrivals.refused


def test_of_too_many_that_wait_those_of_the_flood_are_closed() -> None:
    others = [b"GET /%d HTTP/1.1\r\nAuthorization: Bearer %d\r\n\r\n" % (n, n) for n in range(5)]
    arrivals = Arrivals()
    let_in([*others, *[FLOOD] * 300], arrivals, most=20, wanted=20)

    assert set(others) < set(arrivals.said)
    assert len(arrivals.said) == 20
    assert arrivals.refused == ["too_many_connections"] * 285


def test_one_sender_is_served_in_the_order_of_arrival() -> None:
    requests = [b"GET /%d HTTP/1.1\r\nAuthorization: Bearer eve\r\n\r\n" % n for n in range(50)]
    arrivals = Arrivals()
    let_in(requests, arrivals, most=1000, wanted=50)

    assert arrivals.said == requests


def test_a_queue_keeps_nothing_of_those_who_were_served() -> None:
    queue = FairQueue[int](3)
    assert [queue.put("eve", 1), queue.put("eve", 2), queue.put("ada", 3)] == [None] * 3
    assert queue.put("ada", 4) in (1, 3), "one of the longest line"
    taken = [queue.take() for _ in range(3)]
    assert sorted(taken)[-1] == 4
    assert not queue
    assert not queue._lines
    with pytest.raises(IndexError, match="nothing waits"):
        queue.take()
