"""4,600 requests that wait for more of a log, all of them closed at once."""

import contextlib
import socket
import time
from collections import Counter

from tests.attack.sockets import connected, first_line, request
from tests.attack.target import Target

NUM = 4600
PATH = "/api/v1/jobs/digits-1/streams/run?wait_s=60"


def attack(target: Target) -> str:
    """Follow with the token of a viewer, and be gone."""
    wanted = request("GET", PATH, token=target.tokens["eve"])
    began = time.monotonic()
    sockets: list[socket.socket] = []
    for _ in range(NUM):
        with contextlib.suppress(OSError):
            sockets.append(connected(target.where))
            sockets[-1].sendall(wanted)
    opened_s = time.monotonic() - began
    time.sleep(5.0)
    lines = Counter(first_line(each, 0.001) for each in sockets)
    for each in sockets:
        each.close()
    said = ", ".join(f"{count:,} x {line}" for line, count in lines.most_common())
    return f"{NUM:,} followers in {opened_s:.1f} s: {said}"
