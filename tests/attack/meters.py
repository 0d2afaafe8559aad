"""How others fare meanwhile: the seconds of their requests, one after the other."""

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

from tests.attack.target import Target

EVERY_S = 0.02
PATHS = {"healthz": "/healthz", "ps": "/api/v1/jobs?limit=100"}


@contextmanager
def watched(target: Target) -> Iterator[dict[str, list[float]]]:
    """Request `healthz` and a page of `ps` all the time; yields the seconds that each took."""
    times: dict[str, list[float]] = {name: [] for name in PATHS}
    is_over = threading.Event()

    def ask(name: str) -> None:
        with target.user as client:
            while not (times[name] and is_over.wait(EVERY_S)):
                began = time.monotonic()
                response = client.get(PATHS[name])
                times[name].append(time.monotonic() - began)
                assert response.status_code == 200, response.text

    threads = [threading.Thread(target=ask, args=(name,)) for name in PATHS]
    for thread in threads:
        thread.start()
    try:
        yield times
    finally:
        is_over.set()
        for thread in threads:
            thread.join()


def p99(times: list[float]) -> float:
    """The time below which 99% of the requests are."""
    return sorted(times)[int(0.99 * (len(times) - 1))]
