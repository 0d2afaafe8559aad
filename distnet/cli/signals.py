"""SIGTERM ends a command as Ctrl-C does: what it has begun is undone, and no traceback is shown."""

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

from distnet.cli.exit_codes import STOPPED, TERMINATED


class Sigterm:
    """Whether SIGTERM has come."""

    def __init__(self) -> None:
        self._has_come = False

    def raise_(self, number: int, frame: FrameType | None) -> None:  # noqa: ARG002
        """Handle the signal.

        Raises:
            KeyboardInterrupt: always.
        """
        self._has_come = True
        raise KeyboardInterrupt

    def exit_code(self, code: int) -> int:
        """The exit code of a command: of two that are interrupted, the one is that of SIGTERM."""
        return TERMINATED if self._has_come and code == STOPPED else code


@contextmanager
def sigterm_as_ctrl_c() -> Iterator[Sigterm]:
    """Raise KeyboardInterrupt on SIGTERM, so that temporary files are removed on the way out.

    Commands that handle the signal by themselves, as a training does, set handlers of their own.
    """
    sigterm = Sigterm()
    if threading.current_thread() is not threading.main_thread():
        yield sigterm  # only that thread receives signals
        return
    before = signal.signal(signal.SIGTERM, sigterm.raise_)
    try:
        yield sigterm
    finally:
        signal.signal(signal.SIGTERM, before)
