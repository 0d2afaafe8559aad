"""45 job files at once that take long to read: 80,000 unknown keys, 100,000 layers, many faults."""

import json
import socket
import time
from collections import Counter
from contextlib import ExitStack

from tests.attack.sockets import connected, first_line, request
from tests.attack.target import Target
from tests.bench.server_submit import SPEC

AT_ONCE = 45
WAIT_S = 20.0
LAYERS = SPEC.replace("hidden: [16]", f"hidden: [{','.join(['1'] * 100_000)}]")
UNKNOWN = SPEC + "".join(f"key{at:05d}: 1\n" for at in range(80_000))
SMALL = SPEC.replace("hidden: [16]", f"hidden: [{','.join(['1'] * 60_000)}]")
"""Just below the limit of bytes."""
FAULTS = SPEC + "".join(f"k{at}: 1\n" for at in range(9_000))
SWEPT = SPEC + "".join(f"# {at:0100d}\n" for at in range(1000))


def attack(target: Target) -> str:
    """Submit them with the token of one submitter, then be gone."""
    bodies = [_body(at, spec) for at in range(9) for spec in (LAYERS, UNKNOWN, SMALL, FAULTS)]
    bodies += [_body(at, SWEPT, sweep=["train.seed=1..10000"]) for at in range(9)]
    assert len(bodies) == AT_ONCE
    began = time.monotonic()
    with ExitStack() as held:
        sockets: list[socket.socket] = []
        for body in bodies:
            sockets.append(held.enter_context(connected(target.where)))
            sockets[-1].sendall(
                request("POST", "/api/v1/jobs", token=target.tokens["mallory"], body=body)
            )
        lines = Counter(_line_until(each, began + WAIT_S) for each in sockets)
    said = ", ".join(f"{count} x {line}" for line, count in lines.most_common())
    return f"{AT_ONCE} job files, after {WAIT_S:g} s: {said}"


def _line_until(connection: socket.socket, end: float) -> str:
    return first_line(connection, max(0.01, end - time.monotonic()))


def _body(at: int, spec: str, **more: object) -> bytes:
    """A submit; each text differs, because the server remembers what it has read."""
    request = {"key": f"attack-{time.monotonic_ns()}", "spec": f"{spec}\n# {at}\n", **more}
    return json.dumps(request).encode()
