"""The thread that reports to the server, and passes on its instructions.

Training never waits for it. While the server cannot be reached, everything is in the run folder and
is sent later: each report starts where the server's copy of the logs ends.
"""

import logging
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from distnet.agent.connection import (
    FIRST_WAIT_S,
    LONGEST_WAIT_S,
    PATIENCE_S,
    AttemptOverError,
    Connection,
    UnreachableError,
)
from distnet.agent.progress import Progress
from distnet.agent.run_control import RunControl
from distnet.agent.streams import MOST_PIECES, PIECE_BYTES, Streams
from distnet.protocol.attempt import Exit, Instructions, Piece
from distnet.protocol.node_commands import NodeCommand

logger = logging.getLogger(__name__)
UTF8_BYTES = 4


@dataclass
class Reporter:
    """Reports until the server has acknowledged how the attempt ended."""

    connection: Connection
    progress: Progress
    streams: Streams
    control: RunControl
    every_s: float
    end_at_once: Callable[[], None]
    """Called when the server has ended this attempt; ends the process."""
    run_commands: Callable[[Sequence[NodeCommand]], None] = lambda _: None
    """Called with the commands of users for the nodes."""
    give_up_s: float = PATIENCE_S
    """How long the exit record is sent again to a server that cannot be reached."""
    _exit: Exit | None = None
    _is_acknowledged: bool = False
    _woken: threading.Event = field(default_factory=threading.Event)
    _thread: threading.Thread = field(init=False)

    def __post_init__(self) -> None:
        # A daemon thread: the process must not wait for the server, however it ends.
        self._thread = threading.Thread(target=self._run, name="reporter", daemon=True)

    def start(self) -> None:
        """Start reporting."""
        self._thread.start()

    def finish(self, ended: Exit) -> bool:
        """Send all logs, then how the attempt ended; returns whether it was acknowledged."""
        self._exit = ended
        self._woken.set()
        self._thread.join(self.give_up_s)
        return self._is_acknowledged

    def _run(self) -> None:
        wait_s, unreachable_since = FIRST_WAIT_S, None
        while True:
            try:
                is_last, has_more = self._report()
            except AttemptOverError as error:
                logger.warning("the server has ended this attempt: %s", error)
                self.end_at_once()
                return
            except Exception as error:  # also a file that cannot be read now, but may be later
                if unreachable_since is None:
                    unreachable_since = time.monotonic()
                    is_bug = not isinstance(error, UnreachableError)
                    logger.warning("cannot report, retrying: %s", error, exc_info=is_bug)
                time.sleep(wait_s)
                wait_s = min(2 * wait_s, LONGEST_WAIT_S)
                continue
            if unreachable_since is not None:
                away_s = time.monotonic() - unreachable_since
                logger.warning("reports reach the server again after %.0f s", away_s)
                wait_s, unreachable_since = FIRST_WAIT_S, None
            if is_last:
                self._is_acknowledged = True
                return
            if not has_more:
                self._woken.wait(self.every_s)

    def _report(self) -> tuple[bool, bool]:
        """Send one report; returns whether it was the last, and whether more logs wait."""
        ended = self._exit
        pieces = self.streams.pieces(is_last=ended is not None)
        is_last = ended is not None and not pieces
        contents = {"pieces": tuple(pieces), "exit": ended if is_last else None}
        report = self.progress.report().model_copy(update=contents)
        self._follow(self.connection.report(report))
        return is_last, ended is not None or _is_full(pieces)

    def _follow(self, instructions: Instructions) -> None:
        self.streams.note_kept(instructions.offsets)
        self.run_commands(instructions.commands)
        self.control.carry_out(instructions, workers=self.progress.workers)


def _is_full(pieces: list[Piece]) -> bool:
    """Whether there is more than one report can hold."""
    is_large = (len(piece.text.encode()) > PIECE_BYTES - UTF8_BYTES for piece in pieces)
    return len(pieces) == MOST_PIECES or any(is_large)
