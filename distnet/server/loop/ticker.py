"""The thread that makes round after round, and the threads that run errands to the cluster."""

import logging
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

from distnet.protocol.errors import ServerError
from distnet.server.loop.loop import Run
from distnet.server.server import Server

logger = logging.getLogger(__name__)
EVERY_S = 0.5
REST = 9.0
"""A round is followed by a rest of so many times its work: nine tenths of the time are users'."""
SHORTEST_REST_S, LONGEST_REST_S = 0.05, 3.0
NUM_ERRANDS = 8


class Ticker:
    """Keeps a server going until it is closed."""

    def __init__(
        self, server: Server, *, made: Callable[[float], None] = lambda seconds: None
    ) -> None:
        """Take the server, and whom to tell how long each round took."""
        self._server = server
        self._made = made
        self._poked = threading.Event()
        self._closed = threading.Event()
        self._pool = ThreadPoolExecutor(NUM_ERRANDS, thread_name_prefix="errand")
        self._looks = ThreadPoolExecutor(1, thread_name_prefix="look")
        self._thread = threading.Thread(target=self._run, name="rounds", daemon=True)
        self.last_round_s = 0.0
        """How long the newest round took."""

    def start(self) -> None:
        """Begin; the server's errands are run in threads from now on."""
        # A look has a thread of its own: however many slow starts are waited for, what is free
        # must be known.
        self._server.rounds.run = self._in_pool(self._pool)
        self._server.rounds.run_look = self._in_pool(self._looks)
        self._server.poked = self._poked.set
        self._thread.start()

    def close(self) -> None:
        """End after the round that is on; errands on their way are not waited for."""
        self._closed.set()
        self._poked.set()
        self._thread.join()
        for pool in (self._pool, self._looks):
            pool.shutdown(wait=False, cancel_futures=True)

    def _in_pool(self, pool: ThreadPoolExecutor) -> Run:
        def run(errand: Callable[[], None]) -> None:
            if not self._closed.is_set():
                pool.submit(errand)

        return run

    def _run(self) -> None:
        while not self._closed.is_set():
            began = time.monotonic()
            self._poked.clear()
            try:
                self._server.tick()
            except ServerError as error:
                logger.warning("this round could not be ended: %s", error)
            except Exception:
                logger.exception("a fault of distnet itself; the next round is made all the same")
            self.last_round_s = time.monotonic() - began
            self._made(self.last_round_s)
            rest_s = REST * self._server.rounds.held_s
            self._closed.wait(min(max(SHORTEST_REST_S, rest_s), LONGEST_REST_S))
            self._poked.wait(EVERY_S)
