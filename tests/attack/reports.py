"""What one attempt can do to the server with its reports.

    python -m tests.attack.reports [--seconds 6]

Four loads, one after the other: 10,000 names of streams, and 10,000 pieces of one stream, in one
report and in ten; full reports of ever new streams, and new names, as fast as they are taken.
Meanwhile another user requests `healthz` and `ps`.
"""

import argparse
import time
from collections.abc import Callable, Iterator
from itertools import count
from typing import Any

import httpx

from tests.attack.meters import p99, watched
from tests.attack.target import Target, target

Report = dict[str, Any]
MANY, SOME = 10_000, 1_000
TEXT = "x" * 700_000


def report(*pieces: tuple[str, int, str]) -> Report:
    """A report with these pieces."""
    rows = [{"stream": name, "offset": at, "text": text} for name, at, text in pieces]
    return {"is_training": True, "step": 1, "num_steps": 10, "pieces": rows}


def names() -> Iterator[Report]:
    """10,000 new names: in one report, which may be refused, and in ten."""
    sent = [(f"s-{n}", 0, "x") for n in range(MANY)]
    yield report(*sent)
    for at in range(0, MANY, SOME):
        yield report(*sent[at : at + SOME])


def pieces() -> Iterator[Report]:
    """10,000 pieces of one byte: in one report, which may be refused, and in ten."""
    sent = [("run", n, "x") for n in range(MANY)]
    yield report(*sent)
    for at in range(0, MANY, SOME):
        yield report(*sent[at : at + SOME])


def endless() -> Iterator[Report]:
    """Ever new streams, as full as a body may be."""
    for n in count():
        yield report(*((f"e-{n}-{part}", 0, TEXT) for part in range(10)))


def again() -> Iterator[Report]:
    """New names, as many as a report may have."""
    for n in count():
        yield report(*((f"a-{n}-{part}", 0, "x") for part in range(SOME)))


LOADS: dict[str, Callable[[], Iterator[Report]]] = {
    "10,000 new streams": names,
    "10,000 pieces of one stream": pieces,
    "full reports without end": endless,
    "1,000 new streams a report, without end": again,
}


def attack(server: Target, name: str, load: Iterator[Report], seconds: float) -> None:
    """Send a load for this long, and print what it did."""
    secret, before = server.begin(name), server.ledger_mb()
    statuses: dict[int, int] = {}
    slowest_s, end = 0.0, time.monotonic() + seconds
    with watched(server) as times, server.client(secret) as attempt:
        for one in load:
            began = time.monotonic()
            status = send(attempt, one)
            slowest_s = max(slowest_s, time.monotonic() - began)
            statuses[status] = statuses.get(status, 0) + 1
            if time.monotonic() > end:
                break
    print(  # noqa: T201
        f"  reports {statuses}, the slowest {slowest_s:.2f} s; healthz p99 "
        f"{p99(times['healthz']) * 1000:.0f} ms, ps p99 {p99(times['ps']) * 1000:.0f} ms (max "
        f"{max(times['ps']) * 1000:.0f} ms); ledger +{server.ledger_mb() - before:.1f} MB; memory "
        f"{server.memory_mb():.0f} MB",
        flush=True,
    )


def send(attempt: httpx.Client, one: Report) -> int:
    """Send a report; returns the status."""
    return attempt.post("/api/v1/attempt/report", json=one).status_code


def main() -> None:
    """Run all loads against one server."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=6.0)
    arguments = parser.parse_args()
    with target() as server:
        for number, (what, load) in enumerate(LOADS.items()):
            print(what, flush=True)  # noqa: T201
            attack(server, f"hostile-{number}", load(), arguments.seconds)


if __name__ == "__main__":
    main()
