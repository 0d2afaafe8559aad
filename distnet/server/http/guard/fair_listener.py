"""Takes connections from a listening socket, and lets them in by turns of their senders.

The system hands over connections in the order in which they came, so that whoever opens thousands
at once is ahead of all others, and asyncio serves them in that order. Here, all that have come are
taken at once, which costs some microseconds each, and wait in a `FairQueue`; a few of them are let
in between two turns of the event loop. Who the sender is, is read from what has arrived so far,
without taking it: its token, which is not checked yet, or its cookies; else its address. Questions
for the health have a line of their own.

With 4,600 requests that arrive within a second, the next one of anybody else waits for a few of
them (`tests/attack/aborted_followers.py`).
"""

import asyncio
import itertools
import re
import socket
from collections.abc import Callable

from distnet.server.http.guard.connections import TooManyConnectionsError, network_of
from distnet.server.http.guard.fair_queue import FairQueue
from distnet.server.http.guard.protocol import Guard

LET_IN_AT_ONCE = 8
ACCEPTED_AT_ONCE = 2048
"""As many as wait in the system's own queue (`BACKLOG`)."""
HEAD_BYTES = 2048
"""In which credentials are looked for."""
PAUSE_S = 0.5
"""After the process could not open another connection."""
HEALTH = b"GET /healthz "
CREDENTIALS = re.compile(rb"\r\n(?:authorization|cookie):([^\r\n]*)", re.IGNORECASE)

_Arrival = tuple[int, socket.socket]
"""Its place in the order of arrival, and the connection."""


class FairListener:
    """Serves the connections of one listening socket; belongs to the event loop.

    uvicorn closes it like a server of asyncio.

    Args:
        listener: it listens.
        make_protocol: of a connection.
        guard: its limits, and where refusals are counted.
    """

    def __init__(
        self,
        listener: socket.socket,
        make_protocol: Callable[[], asyncio.Protocol],
        guard: Guard,
    ) -> None:
        self._listener, self._make_protocol = listener, make_protocol
        self._refusals = guard.refusals
        self._loop = asyncio.get_running_loop()
        self._most = guard.limits.connections // 4
        self._waiting = FairQueue[_Arrival](self._most)
        self._arrivals = itertools.count()
        self._entering: set[asyncio.Task[object]] = set()
        self._is_letting_in = self._is_closed = False
        listener.setblocking(False)
        self._listen()

    def close(self) -> None:
        """Take no more connections, and let none in that wait."""
        self._is_closed = True
        self._loop.remove_reader(self._listener)
        while self._waiting:
            self._waiting.take()[1].close()

    async def wait_closed(self) -> None:
        """Wait until those are in that were about to be."""
        if self._entering:
            await asyncio.wait(self._entering)

    def _listen(self) -> None:
        if not self._is_closed:
            self._loop.add_reader(self._listener, self._accept)

    def _accept(self) -> None:
        """Take all connections that have come."""
        for _ in range(ACCEPTED_AT_ONCE):
            try:
                connection, where = self._listener.accept()
            except (BlockingIOError, InterruptedError, ConnectionAbortedError):
                break
            except OSError:  # no file or memory is left for it
                self._loop.remove_reader(self._listener)
                self._loop.call_later(PAUSE_S, self._listen)
                break
            connection.setblocking(False)
            arrival = next(self._arrivals), connection
            dropped = self._waiting.put(sender_of(connection, where[0]), arrival)
            if dropped is not None:
                self._drop(dropped[1])
        self._let_in_soon()

    def _drop(self, connection: socket.socket) -> None:
        connection.close()
        self._refusals.note(
            TooManyConnectionsError(
                f"found over {self._most:,} connections that were opened at once (a quarter of "
                "limits.connections)"
            )
        )

    def _let_in_soon(self) -> None:
        if self._waiting and not self._is_letting_in:
            self._is_letting_in = True
            self._loop.call_soon(self._let_in)

    def _let_in(self) -> None:
        self._is_letting_in = False
        few = [self._waiting.take() for _ in range(min(LET_IN_AT_ONCE, len(self._waiting)))]
        for _, connection in sorted(few):  # of strangers, the newest wins
            task = self._loop.create_task(self._enter(connection))
            self._entering.add(task)
            task.add_done_callback(self._entering.discard)
        self._let_in_soon()

    async def _enter(self, connection: socket.socket) -> None:
        try:
            await self._loop.connect_accepted_socket(self._make_protocol, connection)
        except OSError:  # it has been closed meanwhile
            connection.close()


def sender_of(connection: socket.socket, address: str) -> object:
    """Who has opened a connection, as far as what has arrived says it."""
    try:
        head = connection.recv(HEAD_BYTES, socket.MSG_PEEK)
    except OSError:
        head = b""
    if head.startswith(HEALTH):
        return HEALTH
    credentials = CREDENTIALS.search(head)
    return credentials[1].strip() if credentials else (network_of(address), bool(head))
