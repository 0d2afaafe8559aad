"""Listeners that stop a run, or kill its process, at a record, however fast the machine is.

The listener of an inline run is called by the run's own process, so training waits for it.
"""

import os
import signal
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from distnet.train.worker import STOP_CHECK_S

Record = dict[str, Any]


def stop_when(is_so: Callable[[Record], bool], stop: Path) -> Callable[[Record], None]:
    """Request a stop at the first such record; the next step that is made sees it."""

    def listen(record: Record) -> None:
        if is_so(record) and not stop.exists():
            stop.write_text("stop")
            time.sleep(STOP_CHECK_S)  # a step looks for the file only when this has passed

    return listen


def stop_at(step: int | None, stop: Path) -> Callable[[Record], None]:
    """Request a stop when this step is recorded; never, if None."""
    return stop_when(lambda record: record["kind"] == "step" and record["step"] == step, stop)


class KillAtCheckpoint:
    """Kills its own process when the run has recorded this many checkpoints."""

    def __init__(self, number: int) -> None:
        self._left = number

    def __call__(self, record: Record) -> None:
        self._left -= record["kind"] == "checkpoint"
        if self._left == 0:
            os.kill(os.getpid(), signal.SIGKILL)
