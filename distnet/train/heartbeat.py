"""Where each worker is: a few numbers in a mapped file, so that telling costs less than 1 us.

The file outlives its worker, however that was killed, and says at which step that happened. The
launcher reads the files of all workers: one whose numbers stay the same for longer than its own
limit hangs. Before the launcher ends it, the worker has written the stacks of its threads to its
log by itself: `faulthandler` does that from a thread that needs no interpreter lock.
"""

import faulthandler
import mmap
import os
import statistics
import sys
import time
from collections import deque
from dataclasses import dataclass
from enum import IntEnum
from pathlib import Path

STARTING_LIMIT_S = 600.0
"""Before its first step a worker may read data and bring up networks for so long."""
STEPS_OF_MEDIAN = 64
MEDIANS = 10.0
CHECKED_EVERY_S = 1.0
STACKS_AFTER = 0.8
"""Stacks are written when this part of the limit has passed."""
NUM_NUMBERS = 7
NUM_BYTES = 8 * NUM_NUMBERS


class Stage(IntEnum):
    """What a worker does at the moment."""

    STARTING = 0
    COMPUTING = 1
    SUMMING = 2
    """Also waits for the others."""
    EVALUATING = 3
    SAVING = 4
    ENDED = 5


@dataclass(frozen=True)
class Sign:
    """What one worker told last."""

    rank: int
    attempt: int
    process: int
    """Its process id, on its own machine."""
    step: int
    """Steps it has made in all, those before this attempt included: step + 1 is in progress."""
    stage: Stage
    beats: int
    """Grows with every sign."""
    limit_s: float
    """How long it may give no sign."""
    started_at: int
    """The step at which this attempt began."""


class Heartbeat:
    """Tells where this worker is.

    Args:
        path: the worker's file.
        attempt: the attempt's number.
        after_s: a worker hangs that makes no step for this long and ten median steps besides.
    """

    def __init__(self, path: Path, *, attempt: int, after_s: float) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        fresh = path.with_name(f".{path.name}-{os.getpid()}")
        fresh.write_bytes(bytes(NUM_BYTES))
        with fresh.open("r+b") as file:
            self._memory = mmap.mmap(file.fileno(), NUM_BYTES)
        self._numbers = memoryview(self._memory).cast("q")
        self._after_s = after_s
        self._steps: deque[float] = deque(maxlen=STEPS_OF_MEDIAN)
        self._stepped = self._checked = time.monotonic()
        self._numbers[0] = attempt
        self._numbers[1] = os.getpid()
        self._numbers[5] = round(STARTING_LIMIT_S * 1e3)
        fresh.replace(path)  # complete from the beginning, and never that of an older attempt

    def begin(self, step: int) -> None:
        """Tell that the loop begins after `step` steps."""
        self._numbers[6] = step
        self._numbers[2] = step
        self._stepped = time.monotonic()
        self.at(Stage.COMPUTING)

    def at(self, stage: Stage) -> None:
        """Tell what comes now."""
        self._numbers[3] = stage
        self._numbers[4] += 1

    def step(self, step: int) -> None:
        """Tell that so many steps are made."""
        now = time.monotonic()
        self._steps.append(now - self._stepped)
        self._stepped = now
        self._numbers[2] = step
        self.at(Stage.COMPUTING)
        if now - self._checked > CHECKED_EVERY_S:
            self.arm()

    def pause(self) -> None:
        """Forget the time since the last step: something else has been done since."""
        self._stepped = time.monotonic()

    def arm(self) -> None:
        """Count the limit anew from now; called once a second, and when a long stage goes on."""
        self._checked = time.monotonic()
        limit = self._after_s + MEDIANS * self.median_step_s
        self._numbers[5] = round(limit * 1e3)
        self._numbers[4] += 1
        faulthandler.dump_traceback_later(limit * STACKS_AFTER, file=sys.__stderr__ or 2)
        self._memory.flush()  # on a network file system others see it only then

    @property
    def median_step_s(self) -> float:
        """Seconds of a step, the median of the newest."""
        return statistics.median(self._steps) if self._steps else 0.0

    def close(self) -> None:
        """Tell that this worker has ended in order."""
        faulthandler.cancel_dump_traceback_later()
        self.at(Stage.ENDED)
        self._memory.flush()
        self._numbers.release()
        self._memory.close()


def read_heartbeats(folder: Path) -> list[Sign]:
    """What the workers of the newest attempt told last, by rank."""
    signs = [sign for path in folder.glob("worker-*") if (sign := _read(path)) is not None]
    newest = max((sign.attempt for sign in signs), default=0)
    return sorted((s for s in signs if s.attempt == newest), key=lambda sign: sign.rank)


def _read(path: Path) -> Sign | None:
    try:
        data = path.read_bytes()
    except OSError:
        return None
    if len(data) != NUM_BYTES:
        return None
    attempt, process, step, stage, beats, limit_ms, started_at = memoryview(data).cast("q")
    rank = int(path.name.removeprefix("worker-"))
    known = Stage(stage) if stage in set(Stage) else Stage.STARTING
    return Sign(rank, attempt, process, step, known, beats, limit_ms / 1e3, started_at)
