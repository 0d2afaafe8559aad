"""Connections as attackers have them: raw, and many."""

import socket
import time
from collections.abc import Iterable

SENT_S = 30.0
"""For how long one attack sends at most."""


def connected(where: tuple[str, int]) -> socket.socket:
    """Open a connection."""
    return socket.create_connection(where, timeout=SENT_S)


def request(method: str, path: str, *, token: str = "", body: bytes = b"") -> bytes:
    """Write a request."""
    lines = [f"{method} {path} HTTP/1.1", "Host: 127.0.0.1", f"Content-Length: {len(body)}"]
    lines += ["Content-Type: application/json"] if body else []
    lines += [f"Authorization: Bearer {token}"] if token else []
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + body


def flooded(where: tuple[str, int], pieces: Iterable[bytes]) -> tuple[int, str]:
    """Send pieces until they or the time end, or the server has enough.

    Returns:
        The number of bytes that were sent, and the first line of the response.
    """
    num_bytes, end = 0, time.monotonic() + SENT_S
    with connected(where) as connection:
        try:
            for piece in pieces:
                connection.sendall(piece)
                num_bytes += len(piece)
                if time.monotonic() > end:
                    break
        except OSError:
            pass
        return num_bytes, first_line(connection)


def first_line(connection: socket.socket, within_s: float = 5.0) -> str:
    """The first line of the response, `none` or `closed`."""
    connection.settimeout(within_s)
    try:
        return connection.recv(4096).partition(b"\r\n")[0].decode() or "closed"
    except TimeoutError:
        return "none"
    except OSError:
        return "closed"
