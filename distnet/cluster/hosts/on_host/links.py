"""The links between machines, with plain TCP: who reaches whom, how fast, with packets of any size.

Every machine listens on a free port of its address and connects to all others. A message is
`size`, as 4 bytes, and so many bytes; the reply is the other clock's time, as 8 bytes.
"""

import socket
import struct
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from typing import Any

from distnet.cluster.hosts.on_host.messages import Given, reply, send

SECRET_BYTES = 16
LARGE_BYTES = 64 << 10
"""Many packets of any network's size, and less than a second at 1 Mbit/s."""
MOST_BYTES = 1 << 20
CONNECT_S, MESSAGE_S = 3.0, 5.0
NUM_PINGS = 10
MOST_AT_ONCE = 32
SIZE, TIME = struct.Struct("!I"), struct.Struct("!d")
REFUSED, SILENT, UNREACHABLE = "refused", "silent", "unreachable"


class Listener:
    """Replies to the messages of other machines, until it is closed.

    Args:
        host: the address to listen on.
        secret: what others send first.
    """

    def __init__(self, host: str, secret: bytes) -> None:
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        self._socket = socket.create_server((host, 0), family=family, backlog=1024)
        self._secret = secret
        self.port = int(self._socket.getsockname()[1])
        threading.Thread(target=self._accept, daemon=True).start()

    def close(self) -> None:
        """Stop to listen."""
        self._socket.close()

    def _accept(self) -> None:
        while True:
            try:
                other, _ = self._socket.accept()
            except OSError:  # it is closed
                return
            threading.Thread(target=self._serve, args=(other,), daemon=True).start()

    def _serve(self, other: socket.socket) -> None:
        other.settimeout(4 * MESSAGE_S)
        with other, suppress(OSError, EOFError):
            if receive(other, SECRET_BYTES) != self._secret:
                return
            while True:
                (size,) = SIZE.unpack(receive(other, SIZE.size))
                if size > MOST_BYTES:
                    return
                receive(other, size)
                other.sendall(TIME.pack(time.time()))


def measure(peers: dict[str, tuple[str, int]], secret: bytes) -> dict[str, dict[str, Any]]:
    """Measure the links from this machine to others.

    Args:
        peers: address and port of the listener of each.
        secret: of the listeners.
    """
    with ThreadPoolExecutor(max(1, min(MOST_AT_ONCE, len(peers)))) as pool:
        found = pool.map(lambda where: measured(where[0], where[1], secret), peers.values())
        return dict(zip(peers, found, strict=True))


def measured(host: str, port: int, secret: bytes) -> dict[str, Any]:
    """Measure one link."""
    nothing = dict.fromkeys(("error", "latency_s", "clock_s", "clock_bound_s"))
    try:
        other = socket.create_connection((host, port), timeout=CONNECT_S)
    except OSError as error:
        return nothing | {"error": kind_of(error), "is_large_lost": False}
    with other:
        other.settimeout(MESSAGE_S)
        other.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        try:
            other.sendall(secret)
            trips = [trip(other, 0) for _ in range(NUM_PINGS)]
        except (OSError, EOFError) as error:
            return nothing | {"error": kind_of(error), "is_large_lost": False}
        seconds, ahead_s = min(trips)
        facts = {"latency_s": seconds, "clock_s": ahead_s, "clock_bound_s": seconds / 2}
        try:
            trip(other, LARGE_BYTES)
        except (OSError, EOFError):
            return facts | {"error": None, "is_large_lost": True}
        return facts | {"error": None, "is_large_lost": False}


def trip(other: socket.socket, size: int) -> tuple[float, float]:
    """Send a message; returns the seconds until the reply, and how far the other clock is ahead."""
    began = time.time()
    start = time.perf_counter()
    other.sendall(SIZE.pack(size) + bytes(size))
    (there,) = TIME.unpack(receive(other, TIME.size))
    seconds = time.perf_counter() - start
    return seconds, there - (began + seconds / 2)


def reached(services: list[tuple[str, str, int]]) -> list[dict[str, Any]]:
    """Try to connect to services.

    Args:
        services: what it is, address and port of each.
    """
    found = []
    for what, host, port in services:
        error = None
        try:
            socket.create_connection((host, port), timeout=CONNECT_S).close()
        except OSError as failed:
            error = kind_of(failed)
        found.append({"what": what, "address": f"{host}:{port}", "error": error})
    return found


def kind_of(error: OSError | EOFError) -> str:
    """A stable word for why there is no connection."""
    if isinstance(error, TimeoutError):
        return SILENT
    return REFUSED if isinstance(error, ConnectionError | EOFError) else UNREACHABLE


def receive(other: socket.socket, size: int) -> bytes:
    """Receive so many bytes.

    Raises:
        EOFError: the connection ended before.
    """
    parts, left = [], size
    while left:
        part = other.recv(min(left, 1 << 16))
        if not part:
            raise EOFError("the connection was closed")
        parts.append(part)
        left -= len(part)
    return b"".join(parts)


def links(given: Given) -> dict[str, Any] | None:
    """Listen until nobody waits for it any more, or measure the links to others.

    Args:
        given: `secret` in hexadecimal; `listen`, the address to listen on, or `peers` and
            `services`.
    """
    secret = bytes.fromhex(given["secret"])
    if given.get("listen") is None:
        peers = {name: (host, port) for name, (host, port) in given["peers"].items()}
        return {"links": measure(peers, secret), "services": reached(given["services"])}
    listener = Listener(given["listen"], secret)
    send(progress=str(listener.port))
    threading.Event().wait(given["timeout_s"])
    return None


if __name__ == "__main__":
    reply(links)
