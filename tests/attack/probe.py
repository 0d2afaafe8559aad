"""What others notice during an attack; a process of its own, so that the attack does not slow it.

    python -m tests.attack.probe ADDRESS TOKEN SECRET...

It asks until its standard input ends, then prints seconds and failures of each kind of request.
"""

import http.client
import json
import sys
import threading
import time
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from distnet.protocol.attempt import Report

EVERY_S = 0.1
TIMEOUT_S = 60.0
PAGE = "/api/v1/jobs?limit=100"
REPORT = "/api/v1/attempt/report"


@dataclass
class Figures:
    """One kind of request: how long each took, and those that failed."""

    times_s: list[float] = field(default_factory=list)
    failures: list[str] = field(default_factory=list)

    def p(self, share: float) -> float:
        """The time that this share of the requests did not exceed."""
        times = sorted(self.times_s) or [TIMEOUT_S]
        return times[min(int(share * len(times)), len(times) - 1)]

    def summary(self) -> dict[str, object]:
        """What is printed."""
        return {
            "number": len(self.times_s),
            "failed": len(self.failures),
            "why": self.failures[:3],
            "p50_ms": 1000 * self.p(0.5),
            "p99_ms": 1000 * self.p(0.99),
            "most_ms": 1000 * self.p(1),
        }


def main() -> None:
    """Ask for the health and Bob's `ps`, and report, until the input ends."""
    address, token, *secrets = sys.argv[1:]
    report = Report(is_training=True, step=1, num_steps=10).model_dump_json().encode()
    kinds: dict[str, Callable[[int], tuple[str, str, str, bytes | None]]] = {
        "healthz": lambda _: ("GET", "/healthz", token, None),
        "ps": lambda _: ("GET", PAGE, token, None),
        "report": lambda at: ("POST", REPORT, secrets[at % len(secrets)], report),
    }
    figures = {kind: Figures() for kind in kinds}
    is_over = threading.Event()
    askers = [
        threading.Thread(target=_ask, args=(address, kinds[kind], figures[kind], is_over))
        for kind in kinds
    ]
    for asker in askers:
        asker.start()
    print("begun", flush=True)  # noqa: T201
    sys.stdin.read()
    is_over.set()
    for asker in askers:
        asker.join()
    print(json.dumps({kind: one.summary() for kind, one in figures.items()}))  # noqa: T201


def _ask(
    address: str,
    request: Callable[[int], tuple[str, str, str, bytes | None]],
    figures: Figures,
    is_over: threading.Event,
) -> None:
    """Ask on a new connection each time, as commands and health checks do."""
    at = 0
    while not is_over.wait(EVERY_S):
        began = time.monotonic()
        try:
            status = _once(address, *request(at))
        except (OSError, http.client.HTTPException) as error:
            figures.failures.append(repr(error))
        else:
            if status != 200:
                figures.failures.append(f"status {status}")
        figures.times_s.append(time.monotonic() - began)
        at += 1


def _once(address: str, method: str, path: str, token: str, body: bytes | None) -> int:
    headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}
    connection = http.client.HTTPConnection(urlsplit(address).netloc, timeout=TIMEOUT_S)
    with closing(connection):
        connection.request(method, path, body=body, headers=headers)
        response = connection.getresponse()
        response.read()
        return response.status


if __name__ == "__main__":
    main()
