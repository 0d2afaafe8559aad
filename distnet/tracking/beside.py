"""Start and end the processes that send the records of a run to its trackers."""

import logging
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

from distnet.run_folder.paths import RunFolder

logger = logging.getLogger(__name__)
PATIENCE_S = 60.0
"""How long a run that is over waits until everything is sent."""
Say = Callable[[str], None]


@contextmanager
def tracked(folder: RunFolder, kinds: Sequence[str], say: Say) -> Iterator[None]:
    """Within the context, send what the run records; at its end, wait a little for the rest.

    Args:
        folder: of the run.
        kinds: of trackers.
        say: shows the user a line; called by other threads.
    """
    started = [_start(folder, kind, say) for kind in kinds]
    try:
        yield
    finally:
        for one in started:
            one.close()
        end = time.monotonic() + PATIENCE_S
        for one in started:
            one.wait(end, say)


@dataclass
class _Beside:
    kind: str
    process: subprocess.Popen[str]
    reader: threading.Thread

    def close(self) -> None:
        """Let it know that the run is over."""
        if self.process.stdin is not None:
            self.process.stdin.close()

    def wait(self, end: float, say: Say) -> None:
        """Wait until it has sent the rest; end it where that takes too long."""
        try:
            code = self.process.wait(max(0.0, end - time.monotonic()))
        except subprocess.TimeoutExpired:
            self.process.kill()
            code = self.process.wait()
        self.reader.join()
        if code:
            say(f"{self.kind} has not received everything; resuming the run sends the rest")


def _start(folder: RunFolder, kind: str, say: Say) -> _Beside:
    folder.logs.mkdir(exist_ok=True)
    with (folder.logs / f"{kind}.log").open("ab") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", "distnet.tracking", kind, str(folder.path)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=log,
            text=True,
            start_new_session=True,
        )

    def read() -> None:
        for line in process.stdout or ():
            say(line.rstrip("\n"))

    reader = threading.Thread(target=read, daemon=True)
    reader.start()
    return _Beside(kind, process, reader)
