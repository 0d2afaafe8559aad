"""Planned stops: a file in the run folder that says why, and the signals that make it.

Rank 0 looks for the file; its flag rides in the sum, so all workers end after the same step, whose
state is saved. Ctrl-C and SIGTERM: the first asks for a planned stop, the second ends at once.
"""

import logging
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from types import FrameType

from distnet.run_folder.paths import RunFolder

logger = logging.getLogger(__name__)
SIGNALS = (signal.SIGINT, signal.SIGTERM)
STOP = "stop"
RESIZE = "resize"
DRAIN = "drain"


def ask_to_stop(folder: RunFolder, why: str = STOP) -> None:
    """Ask the workers of a run to end after their step; a stop for good is not taken back."""
    if why == STOP or not folder.stop.exists():
        with suppress(OSError):  # on a full disk the empty file is there all the same
            folder.stop.write_text(why)


def asked_to_stop(folder: RunFolder) -> str | None:
    """Why the run was asked to stop, if it was; whatever is not known means for good."""
    try:
        why = folder.stop.read_text()
    except OSError:
        return None
    return why if why in (RESIZE, DRAIN) else STOP


def drop_request(folder: RunFolder) -> None:
    """Forget why an attempt, which has failed since, was to end; a stop for good stays."""
    if asked_to_stop(folder) in (RESIZE, DRAIN):
        folder.stop.unlink(missing_ok=True)


@contextmanager
def planned_stop(folder: RunFolder) -> Iterator[None]:
    """Ask for a planned stop at the first signal in the meantime, and raise at the second.

    Signals are the main thread's: called in another thread, this changes nothing.

    Raises:
        KeyboardInterrupt: a second signal came.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    num_signals = 0

    def receive(number: int, frame: FrameType | None) -> None:
        nonlocal num_signals
        num_signals += 1
        if num_signals == 1:
            ask_to_stop(folder)
            logger.warning("stopping after this step; once more (Ctrl-C) ends at once")
        elif num_signals == 2:  # further ones must not disturb the cleaning up
            raise KeyboardInterrupt

    before = {number: signal.signal(number, receive) for number in SIGNALS}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
