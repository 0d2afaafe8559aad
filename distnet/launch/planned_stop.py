"""Ctrl-C and SIGTERM: the first asks for a planned stop, the second ends everything at once."""

import logging
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType

logger = logging.getLogger(__name__)
SIGNALS = (signal.SIGINT, signal.SIGTERM)


@contextmanager
def planned_stop(file: Path) -> Iterator[None]:
    """Make `file` at the first signal in the meantime, and raise at the second.

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
            file.touch()
            logger.warning("stopping after this step; once more (Ctrl-C) ends at once")
        elif num_signals == 2:  # further ones must not disturb the cleaning up
            raise KeyboardInterrupt

    before = {number: signal.signal(number, receive) for number in SIGNALS}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
