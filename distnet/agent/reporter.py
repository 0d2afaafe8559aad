"""The thread that tells the server where an attempt is, and hears what it is to do.

Training never waits for it. While the server does not answer, everything stands in the run folder
and is told later: each report begins where the server's copy of the logs ends.
"""

import logging
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field

from distnet.agent.connection import (
    FIRST_WAIT_S,
    LONGEST_WAIT_S,
    PATIENCE_S,
    Connection,
    GivenUpError,
    UnreachableError,
)
from distnet.agent.instructions import Steering
from distnet.agent.progress import Progress
from distnet.agent.streams import PIECE_BYTES, Streams
from distnet.protocol.attempt import Exit, Orders, Piece

logger = logging.getLogger(__name__)
UTF8_BYTES = 4


@dataclass
class Reporter:
    """Reports until the server has heard how the attempt ended."""

    connection: Connection
    progress: Progress
    streams: Streams
    steering: Steering
    every_s: float
    end_at_once: Callable[[], None]
    """Called when the server has given this attempt up; ends the process."""
    give_up_s: float = PATIENCE_S
    """How long the last words are repeated to a server that does not answer."""
    _exit: Exit | None = None
    _is_heard: bool = False
    _woken: threading.Event = field(default_factory=threading.Event)
    _thread: threading.Thread = field(init=False)

    def __post_init__(self) -> None:
        # A daemon: however this process ends, it must not wait for the server.
        self._thread = threading.Thread(target=self._run, name="reporter", daemon=True)

    def start(self) -> None:
        """Begin to report."""
        self._thread.start()

    def finish(self, ended: Exit) -> bool:
        """Tell how the attempt ended, after all of its logs; returns whether that was heard."""
        self._exit = ended
        self._woken.set()
        self._thread.join(self.give_up_s)
        return self._is_heard

    def _run(self) -> None:
        wait_s, trouble_began = FIRST_WAIT_S, None
        while True:
            try:
                is_over, has_more = self._report()
            except GivenUpError as error:
                logger.warning("this attempt is over for the server: %s", error)
                self.end_at_once()
                return
            except Exception as error:  # also a file that cannot be read: the next report may do
                if trouble_began is None:
                    trouble_began = time.monotonic()
                    is_ours = not isinstance(error, UnreachableError)
                    said = "the server could not be told, which is tried on: %s"
                    logger.warning(said, error, exc_info=is_ours)
                time.sleep(wait_s)
                wait_s = min(2 * wait_s, LONGEST_WAIT_S)
                continue
            if trouble_began is not None:
                silent_s = time.monotonic() - trouble_began
                logger.warning("the server answers again after %.0f s", silent_s)
                wait_s, trouble_began = FIRST_WAIT_S, None
            if is_over:
                self._is_heard = True
                return
            if not has_more:
                self._woken.wait(self.every_s)

    def _report(self) -> tuple[bool, bool]:
        """Report once; returns whether that was the last word, and whether more logs wait."""
        ended = self._exit
        pieces = self.streams.pieces(is_last=ended is not None)
        is_last = ended is not None and not pieces
        told = {"pieces": tuple(pieces), "exit": ended if is_last else None}
        orders = self.connection.report(self.progress.report().model_copy(update=told))
        self._follow(orders)
        return is_last, ended is not None or _is_full(pieces)

    def _follow(self, orders: Orders) -> None:
        self.streams.note_kept(orders.offsets)
        self.steering.carry_out(orders, workers=self.progress.workers)


def _is_full(pieces: list[Piece]) -> bool:
    """Whether there is more at once than one report holds."""
    return any(len(piece.text.encode()) > PIECE_BYTES - UTF8_BYTES for piece in pieces)
