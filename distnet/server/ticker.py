"""The thread that makes round after round, and the threads that run errands to the cluster."""

import logging
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

from distnet.server.errors import ServerError
from distnet.server.server import Server

logger = logging.getLogger(__name__)
EVERY_S = 0.5
REST = 9.0
"""A round is followed by a rest of so many times its length: nine tenths of the time are users'."""
SHORTEST_REST_S = 0.05
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
        self._is_closed = False
        self._pool = ThreadPoolExecutor(NUM_ERRANDS, thread_name_prefix="errand")
        self._thread = threading.Thread(target=self._run, name="rounds", daemon=True)
        self.last_round_s = 0.0
        """How long the newest round took."""

    def start(self) -> None:
        """Begin; the server's errands are run in threads from now on."""
        self._server.rounds.run = self._submit
        self._server.poked = self._poked.set
        self._thread.start()

    def close(self) -> None:
        """End after the round that is on; errands on their way are not waited for."""
        self._is_closed = True
        self._poked.set()
        self._thread.join()
        self._pool.shutdown(wait=False, cancel_futures=True)

    def _submit(self, errand: Callable[[], None]) -> None:
        if not self._is_closed:
            self._pool.submit(errand)

    def _run(self) -> None:
        while not self._is_closed:
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
            time.sleep(max(SHORTEST_REST_S, REST * self.last_round_s))
            self._poked.wait(EVERY_S)
