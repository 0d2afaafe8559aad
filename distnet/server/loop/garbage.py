"""Look for garbage seldom: Python walks all that lives, 0.1 s with 10,000 jobs, and all wait.

It would do so in the midst of every tenth round, because a round makes an object for each job. What
ends without a cycle is freed at once all the same, so little comes together between two walks.
Source: https://docs.python.org/3/library/gc.html#gc.set_threshold
"""

import gc
import threading
from collections.abc import Iterator
from contextlib import contextmanager

EVERY_S = 600.0
NEVER = 1_000_000_000


@contextmanager
def seldom_collected() -> Iterator[None]:
    """Have Python walk the young alone, and everything once in ten minutes."""
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
