"""The protocol of a connection, with limits on what arrives before any request can be refused.

uvicorn waits for a head without end, and httptools keeps all of it; here, bytes are counted before
they are parsed, and a clock runs until the head is complete. Limits of bodies and of requests are
in `access.py`.

    connected -> head -> served -> idle -> head -> ...
                 head -> refused: the reason is sent, and what still arrives is dropped for a while

Source: RFC 9110, 15.5 (408, 414), RFC 6585 (429, 431).
"""

from dataclasses import dataclass
from typing import Any, Protocol

import httptools
from starlette.responses import Response
from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol

from distnet.protocol.errors import ServerError
from distnet.server.http.guard.connections import Connections, Pool, network_of
from distnet.server.http.guard.refusals import Refusals
from distnet.server.http.responses import response_to
from distnet.server.settings import Limits

PIECE_BYTES = 16_384
"""What is parsed before bytes are counted again."""
MOST_LINES = 100
"""Lines of a head: Python's own client, nginx and h11 have similar limits."""
MOST_WAITING = 16
"""Requests that are sent before the response to the one before."""
LINGER_S = 2.0
"""For which a refused client may go on sending."""
STALLED_S = 30.0
"""After which a client that reads nothing of its responses loses them."""


class MalformedError(ServerError):
    """What arrived is not HTTP."""

    code = "malformed"


class HeadTooLargeError(ServerError):
    """The head of a request has too many bytes or lines."""

    status = 431
    code = "head_too_large"


class UrlTooLongError(ServerError):
    """The URL of a request has too many bytes."""

    status = 414
    code = "url_too_long"


class HeadTooSlowError(ServerError):
    """The head of a request did not arrive in time."""

    status = 408
    code = "head_too_slow"


@dataclass(frozen=True, slots=True)
class Guard:
    """What all connections share."""

    limits: Limits
    connections: Connections
    refusals: Refusals


class Claims(Protocol):
    """A connection as the layers of the application know it, in the `state` of a request."""

    @property
    def address(self) -> str:
        """The IP address of the other end: the client, or a proxy."""
        ...

    @property
    def is_gone(self) -> bool:
        """Whether the other end has closed it, or it is being closed."""
        ...

    def claim(self, pool: Pool, owner: str) -> None:
        """Let the connection belong to an owner; raises TooManyConnectionsError."""
        ...


class GuardedProtocol(HttpToolsProtocol):
    """uvicorn's protocol, with limits for heads, and an owner."""

    def __init__(self, guard: Guard, **uvicorns: Any) -> None:
        super().__init__(**uvicorns)
        self._guard = guard
        self._num_bytes = 0  # since the last message, head or piece of a body was complete
        self._head_since: float | None = None
        self._refused_since: float | None = None
        self._unsent = 0
        self._stalled_since = 0.0

    @property
    def is_idle(self) -> bool:
        """Whether no request is being served."""
        return self.cycle is None or self.cycle.response_complete

    @property
    def num_unsent(self) -> int:
        """Bytes of responses that the other end has not read yet."""
        return self.transport.get_write_buffer_size()

    @property
    def address(self) -> str:
        """The IP address of the other end."""
        return self.client[0] if self.client else "unknown"

    @property
    def is_gone(self) -> bool:
        """Whether the other end has closed the connection, or it is being closed."""
        return self.transport.is_closing()

    def claim(self, pool: Pool, owner: str) -> None:
        """Let the connection belong to an owner."""
        self._guard.connections.claim(self, pool, owner)

    def connection_made(self, transport: Any) -> None:
        """Belong to a stranger, for now."""
        super().connection_made(transport)
        self._head_since = self._stalled_since = self.loop.time()
        self.claim(self._guard.connections.strangers, network_of(self.address))

    def connection_lost(self, exc: Exception | None) -> None:
        """Belong to nobody."""
        super().connection_lost(exc)
        self._guard.connections.close(self)
        if self.scope is not None:  # without the cycle, its memory is free at once
            self.scope["state"].pop("connection", None)

    def data_received(self, data: bytes) -> None:
        """Parse what has arrived, and count it."""
        if self._refused_since is not None:
            return
        self._unset_keepalive_if_required()
        if self._head_since is None and self.is_idle:
            self._head_since = self.loop.time()
        try:
            for at in range(0, len(data), PIECE_BYTES):
                self._parse(data[at : at + PIECE_BYTES])
        except ServerError as error:
            self.refuse(error, is_sending=True)

    def pause_writing(self) -> None:
        """Note that responses wait to be read."""
        super().pause_writing()
        self._guard.connections.unread.add(self)

    def resume_writing(self) -> None:
        """Note that they were read."""
        super().resume_writing()
        self._guard.connections.unread.discard(self)

    def on_message_begin(self) -> None:
        """Let the application know the connection of a request."""
        super().on_message_begin()
        self.scope["state"]["connection"] = self

    def on_url(self, url: bytes) -> None:
        """Refuse long URLs."""
        super().on_url(url)
        most = self._guard.limits.url_bytes
        if len(self.url) > most:
            raise UrlTooLongError(
                f"found a URL of over {most:,} bytes, expected a shorter one (limits.url)"
            )

    def on_header(self, name: bytes, value: bytes) -> None:
        """Refuse many headers; those after a body count, too."""
        super().on_header(name, value)
        if len(self.headers) > MOST_LINES:
            raise HeadTooLargeError(f"found over {MOST_LINES} headers, expected fewer")

    def on_headers_complete(self) -> None:
        """Serve the request, unless too many wait on this connection."""
        self._num_bytes, self._head_since = 0, None
        if len(self.pipeline) >= MOST_WAITING:
            raise MalformedError(f"found over {MOST_WAITING} requests that were sent at once")
        super().on_headers_complete()

    def on_body(self, body: bytes) -> None:
        """Keep a piece of a body, which `access.py` limits."""
        self._num_bytes = 0
        super().on_body(body)

    def on_message_complete(self) -> None:
        """Begin to count anew."""
        self._num_bytes = 0
        super().on_message_complete()

    def refuse(self, error: ServerError, *, is_sending: bool = False) -> None:
        """Send the reason and close, unless nothing was sent, or a response is on its way.

        What a client that `is_sending` sends is read for a while: closing at once could destroy the
        response.
        """
        if self.transport.is_closing():
            return
        self._guard.refusals.note(error)
        self._unset_keepalive_if_required()
        self._refused_since, has_begun = self.loop.time(), bool(self._num_bytes)
        if not self.is_idle:
            self.cycle.disconnected = True
            self.cycle.message_event.set()
            has_begun = not (self.cycle.response_started or self.pipeline)
        if not has_begun:
            self.transport.abort()
            return
        self.transport.write(_written(response_to(error)))
        if not is_sending:
            self.transport.close()
            return
        self.transport.write_eof()
        self.flow.resume_reading()

    def check(self, now: float) -> None:
        """End what takes too long; called about once a second.

        Args:
            now: the time of the event loop.
        """
        most_s = self._guard.limits.head_s
        if self._refused_since is not None:
            if now - self._refused_since > LINGER_S:
                self.transport.abort()
        elif self._head_since is not None and now - self._head_since > most_s:
            self.refuse(
                HeadTooSlowError(f"found no request within {most_s:g} s (limits.head_within)")
            )
        elif self._is_stalled(now):
            self.transport.abort()

    def _parse(self, piece: bytes) -> None:
        self._num_bytes += len(piece)
        try:
            self.parser.feed_data(piece)
        except httptools.HttpParserUpgrade:
            return  # served as if it had not wanted another protocol
        except httptools.HttpParserError as error:
            if isinstance(error.__context__, ServerError):
                raise error.__context__ from None
            raise MalformedError("found no HTTP, expected a request") from None
        most = self._guard.limits.head_bytes
        if self._num_bytes > most:
            raise HeadTooLargeError(
                f"found a head of over {most:,} bytes, expected a shorter one (limits.head)"
            )

    def _is_stalled(self, now: float) -> bool:
        unsent = self.num_unsent
        if unsent == 0 or unsent < self._unsent:
            self._stalled_since = now
        self._unsent = unsent
        return now - self._stalled_since > STALLED_S


def _written(response: Response) -> bytes:
    lines = [STATUS_LINE[response.status_code].removesuffix(b"\r\n")]
    lines += [name + b": " + value for name, value in response.raw_headers]
    return b"\r\n".join([*lines, b"connection: close", b"", bytes(response.body)])
