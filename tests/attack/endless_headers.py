"""Heads and URLs without end: 10 million lines, a header of 131 MB, a URL of 61 MB, trailers."""

import itertools
from collections.abc import Iterator

from tests.attack.sockets import flooded
from tests.attack.target import Target

MB = 1_000_000
START = b"GET /healthz HTTP/1.1\r\nHost: 127.0.0.1\r\n"
CHUNKED = b"POST /api/v1/jobs HTTP/1.1\r\nHost: 127.0.0.1\r\nTransfer-Encoding: chunked\r\n"


def attack(target: Target) -> str:
    """Send each on a connection of its own, one after the other."""
    heads = {
        "10 million lines": _repeated(START, b"a: b\r\n" * 10_000, 1000),
        "a header of 131 MB": _repeated(START + b"a: ", b"b" * 100_000, 1310),
        "a URL of 61 MB": _repeated(b"GET /", b"a" * 100_000, 610),
        "trailers of 60 MB": _repeated(
            CHUNKED + f"Authorization: Bearer {target.tokens['mallory']}\r\n\r\n0\r\n".encode(),
            b"a: b\r\n" * 10_000,
            1000,
        ),
        "20,000 requests at once": iter([(START + b"\r\n") * 20_000]),
    }
    results = []
    for what, pieces in heads.items():
        num_bytes, line = flooded(target.where, pieces)
        results.append(f"{what}: {num_bytes / MB:.2f} MB sent, {line}")
    return "; ".join(results)


def _repeated(start: bytes, piece: bytes, number: int) -> Iterator[bytes]:
    return itertools.chain([start], itertools.repeat(piece, number))
