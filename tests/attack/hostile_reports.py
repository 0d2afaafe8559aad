"""Reports of attempts whose job's own code sends them: streams, pieces and bytes without end."""

import http.client
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import closing
from itertools import count

from distnet.protocol.attempt import Piece, Report
from tests.attack.target import Target

MANY, SOME = 10_000, 1_000
TEXT = "x" * 200_000
SECONDS = 6.0
PATH = "/api/v1/attempt/report"


def attack(target: Target) -> str:
    """Send each load with the secret of an attempt of its own, for some seconds."""
    before = target.ledger_mb()
    loads = (_names(), _pieces(), _full(), _new_names())
    said = [_sent(target, secret, load) for secret, load in zip(target.hostile, loads, strict=True)]
    return f"{'; '.join(said)}; ledger +{target.ledger_mb() - before:.1f} MB"


def _names() -> Iterator[list[Piece]]:
    """10,000 new names: in one report, which may be refused, and in ten."""
    yield [_piece(f"s-{n}") for n in range(MANY)]
    for at in range(0, MANY, SOME):
        yield [_piece(f"s-{n}") for n in range(at, at + SOME)]


def _pieces() -> Iterator[list[Piece]]:
    """10,000 pieces of one byte: in one report, which may be refused, and in ten."""
    yield [_piece("run", n) for n in range(MANY)]
    for at in range(0, MANY, SOME):
        yield [_piece("run", n) for n in range(at, at + SOME)]


def _full() -> Iterator[list[Piece]]:
    """Ever new streams, as full as a body may be."""
    for n in count():
        yield [_piece(f"e-{n}-{part}", text=TEXT) for part in range(10)]


def _new_names() -> Iterator[list[Piece]]:
    """Ever new streams, as many as a report may have."""
    for n in count():
        yield [_piece(f"a-{n}-{part}") for part in range(SOME)]


def _piece(stream: str, offset: int = 0, text: str = "x") -> Piece:
    return Piece.model_construct(stream=stream, offset=offset, text=text)


def _sent(target: Target, secret: str, load: Iterator[list[Piece]]) -> str:
    """Send a load as fast as it is taken; returns the statuses and the slowest."""
    statuses: Counter[int] = Counter()
    slowest_s, end = 0.0, time.monotonic() + SECONDS
    with closing(http.client.HTTPConnection(*target.where, timeout=120)) as connection:
        headers = {"Authorization": f"Bearer {secret}", "Content-Type": "application/json"}
        for pieces in load:
            report = Report.model_construct(is_training=True, step=1, pieces=tuple(pieces))
            began = time.monotonic()
            connection.request("POST", PATH, body=report.model_dump_json(), headers=headers)
            response = connection.getresponse()
            response.read()
            slowest_s = max(slowest_s, time.monotonic() - began)
            statuses[response.status] += 1
            if time.monotonic() > end:
                break
    counted = ", ".join(f"{number} x {status}" for status, number in statuses.most_common())
    return f"{counted}, slowest {1000 * slowest_s:.0f} ms"
