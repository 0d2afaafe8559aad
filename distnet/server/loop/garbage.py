"""Collect garbage rarely: with 10,000 jobs a full collection takes 0.1 s, and everything waits.

Python would run one every tenth iteration or so, because each iteration allocates an object per
job. Objects that are not in a cycle are freed at once anyway, so little accumulates.
Source: https://docs.python.org/3/library/gc.html#gc.set_threshold
"""

import gc
import threading
from collections.abc import Iterator
from contextlib import contextmanager

EVERY_S = 600.0
NEVER = 1_000_000_000


@contextmanager
def rare_full_collections() -> Iterator[None]:
    """Let Python collect the young generations only, and everything once in ten minutes."""
    before = gc.get_threshold()
    has_ended = threading.Event()

    def collect() -> None:
        while not has_ended.wait(EVERY_S):
            gc.collect()

    thread = threading.Thread(target=collect, name="garbage", daemon=True)
    gc.set_threshold(before[0], before[1], NEVER)
    thread.start()
    try:
        yield
    finally:
        has_ended.set()
        thread.join()
        gc.set_threshold(*before)
