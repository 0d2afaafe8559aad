"""The thread that runs the loop, and the threads that carry out actions on the cluster."""

import logging
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

from distnet.protocol.errors import ServerError
from distnet.server.loop.cluster_actions import Run
from distnet.server.server import Server

logger = logging.getLogger(__name__)
EVERY_S = 0.5
REST = 9.0
"""The pause after an iteration, as a multiple of the time that it held the lock or made a plan:
users have nine tenths of the time."""
SHORTEST_REST_S, LONGEST_REST_S = 0.05, 3.0
NUM_ACTIONS = 8
"""Actions that are carried out at once."""


class Ticker:
    """Runs the loop of a server until it is closed."""

    def __init__(
        self, server: Server, *, iterated: Callable[[float], None] = lambda seconds: None
    ) -> None:
        """Take the server, and a function that is called with the seconds of each iteration."""
        self._server = server
        self._iterated = iterated
        self._woken = threading.Event()
        self._closed = threading.Event()
        self._pool = ThreadPoolExecutor(NUM_ACTIONS, thread_name_prefix="action")
        self._snapshots = ThreadPoolExecutor(1, thread_name_prefix="snapshot")
        self._thread = threading.Thread(target=self._run, name="loop", daemon=True)
        self.last_iteration_s = 0.0

    def start(self) -> None:
        """Start; from now on actions run in threads."""
        # Snapshots have a thread of their own: they must not wait for slow starts.
        self._server.loop.actions.run = self._in_pool(self._pool)
        self._server.loop.actions.run_snapshot = self._in_pool(self._snapshots)
        self._server.wake = self._woken.set
        self._thread.start()

    def close(self) -> None:
        """End after the current iteration; actions that are running are not waited for."""
        self._closed.set()
        self._woken.set()
        self._thread.join()
        for pool in (self._pool, self._snapshots):
            pool.shutdown(wait=False, cancel_futures=True)

    def _in_pool(self, pool: ThreadPoolExecutor) -> Run:
        def run(action: Callable[[], None]) -> None:
            if not self._closed.is_set():
                pool.submit(action)

        return run

    def _run(self) -> None:
        while not self._closed.is_set():
            began = time.monotonic()
            self._woken.clear()
            try:
                self._server.tick()
            except ServerError as error:
                logger.warning("this iteration failed; the next one tries again: %s", error)
            except Exception:
                logger.exception("a bug in distnet; the loop continues")
            self.last_iteration_s = time.monotonic() - began
            self._iterated(self.last_iteration_s)
            rest_s = REST * self._server.loop.worked_s
            self._closed.wait(min(max(SHORTEST_REST_S, rest_s), LONGEST_REST_S))
            self._woken.wait(EVERY_S)
