"""Requests to the process that trains, as files in the run folder: stop, and resize.

Rank 0 polls the stop file; its flag rides in the sum, so all workers end after the same step, whose
state is saved. Ctrl-C and SIGTERM: the first requests a planned stop, the second ends at once.
"""

import logging
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from types import FrameType

from distnet.run_folder.paths import RunFolder
from distnet.run_folder.write import write_whole

logger = logging.getLogger(__name__)
SIGNALS = (signal.SIGINT, signal.SIGTERM)
STOP = "stop"
RESIZE = "resize"
DRAIN = "drain"


def request_stop(folder: RunFolder, reason: str = STOP) -> None:
    """Request that the workers of a run end after their step; `stop` is never overwritten."""
    if reason == STOP or not folder.stop.exists():
        with suppress(OSError):  # on a full disk the empty file is there all the same
            folder.stop.write_text(reason)


def stop_reason(folder: RunFolder) -> str | None:
    """Why the run is to stop; None without a request. An unknown reason counts as `stop`."""
    try:
        reason = folder.stop.read_text()
    except OSError:
        return None
    return reason if reason in (RESIZE, DRAIN) else STOP


def clear_stop(folder: RunFolder) -> None:
    """Withdraw the request to stop."""
    folder.stop.unlink(missing_ok=True)


def clear_passing_stop(folder: RunFolder) -> None:
    """Withdraw a request to resize or drain, whose attempt has failed since; `stop` stays."""
    if stop_reason(folder) in (RESIZE, DRAIN):
        clear_stop(folder)


def clear_requests(folder: RunFolder) -> None:
    """Remove the requests to earlier attempts, and the result that they left."""
    for path in (folder.stop, folder.resize, folder.result):
        path.unlink(missing_ok=True)


def request_workers(folder: RunFolder, workers: int) -> None:
    """Request another number of workers.

    Raises:
        RunError: the file cannot be written.
    """
    write_whole(folder.resize, f"{workers}\n".encode())


def take_requested_workers(folder: RunFolder, slices: int) -> int | None:
    """Read the requested number of workers, if there is one, and remove the request.

    It is cut to `slices`: `distnet resize` refuses more, but a file made by hand may hold anything.
    """
    try:
        text = folder.resize.read_text()
    except OSError:
        return None
    folder.resize.unlink(missing_ok=True)
    workers = int(text) if text.strip().isdecimal() else 0
    return min(workers, slices) or None


class _FirstThenSecond:
    """Handles signals: the first requests a planned stop, the second raises."""

    def __init__(self) -> None:
        self.folders: list[RunFolder] = []
        self.num_signals = 0

    def __call__(self, number: int, frame: FrameType | None) -> None:
        self.num_signals += 1
        if self.num_signals == 1:
            for folder in self.folders:
                request_stop(folder)
            logger.warning("stopping after this step; interrupt again (Ctrl-C) to end at once")
        elif self.num_signals == 2:  # further ones must not disturb the cleaning up
            raise KeyboardInterrupt

    @contextmanager
    def stopping(self, folder: RunFolder) -> Iterator[None]:
        """Within the context the first signal stops this folder too, also if it came before."""
        self.folders.append(folder)
        if self.num_signals:
            request_stop(folder)
        try:
            yield
        finally:
            self.folders.remove(folder)


@contextmanager
def planned_stop(folder: RunFolder) -> Iterator[None]:
    """Within the context the first signal requests a planned stop, and the second raises.

    Contexts may be nested, as a run in a sweep: the first signal stops all of them. Only the main
    thread receives signals: in another thread this changes nothing.

    Raises:
        KeyboardInterrupt: a second signal came.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    outer = signal.getsignal(signal.SIGINT)
    if isinstance(outer, _FirstThenSecond):
        with outer.stopping(folder):
            yield
        return
    handler = _FirstThenSecond()
    before = {number: signal.signal(number, handler) for number in SIGNALS}
    try:
        with handler.stopping(folder):
            yield
    finally:
        for number, earlier in before.items():
            signal.signal(number, earlier)
