"""Where each worker is: a few numbers in a mapped file, so that an update costs less than 1 us.

The file outlives its worker, however that was killed, and says at which step that happened. The
launcher reads the files of all workers: a worker hangs if its numbers stay the same for longer than
its own limit, unless it waits for another that makes progress. Before the launcher kills it,
`faulthandler` has written the stacks of its threads to its log, from a thread that needs no
interpreter lock.
"""

import faulthandler
import math
import mmap
import os
import signal
import statistics
import threading
import time
from collections import deque
from contextlib import suppress
from dataclasses import dataclass
from enum import IntEnum
from pathlib import Path
from typing import Self

from distnet.errors import RunError
from distnet.run_folder.workers.worker_use import (
    GpuLoad,
    UseMeter,
    WorkerUse,
    from_numbers,
    to_numbers,
)

STARTING_LIMIT_S = 600.0
"""How long a worker may read data and build its network before its first step."""
STEPS_OF_MEDIAN = 64
MEDIANS = 10.0
CHECKED_EVERY_S = 1.0
STACKS_AFTER = 0.8
"""Stacks are written after this fraction of the limit."""
STACKS_SIGNAL = signal.SIGUSR1
"""Has a worker write the stacks of its threads to its log."""
FOREVER_MS = 2**60
USE = range(7, 11)
"""Where the numbers of a WorkerUse are."""
NUM_NUMBERS = 11
NUM_BYTES = 8 * NUM_NUMBERS


class Stage(IntEnum):
    """What a worker is doing."""

    STARTING = 0
    COMPUTING = 1
    SUMMING = 2
    """Also waits for the others."""
    EVALUATING = 3
    SAVING = 4
    ENDED = 5
    INSTALLING = 6
    """Packages, before it starts."""

    @property
    def is_training(self) -> bool:
        """Whether the worker is beyond its start."""
        return self not in (Stage.STARTING, Stage.INSTALLING)


@dataclass(frozen=True)
class Beat:
    """The newest heartbeat of one worker."""

    rank: int
    attempt: int
    process: int
    """Its process id on its machine."""
    step: int
    """Steps completed in all, including those before this attempt: step + 1 is in progress."""
    stage: Stage
    count: int
    """Grows with every heartbeat."""
    limit_s: float
    """How long its heartbeat may stay the same."""
    started_at: int
    """The step at which this attempt began."""
    use: WorkerUse
    """At most a second or a step old."""


class Heartbeat:
    """Writes where this worker is; after an error the file still says where that was.

    Args:
        path: the worker's file.
        attempt: the attempt's number.
        after_s: a worker hangs if it completes no step for this long plus ten median steps.
        log: where the stacks of its threads go.
        gpu_load: how busy this worker's GPU is, if that can be read.

    Raises:
        RunError: the run folder cannot be written.
    """

    def __init__(
        self,
        path: Path,
        *,
        attempt: int,
        after_s: float,
        log: Path,
        gpu_load: GpuLoad | None = None,
    ) -> None:
        self._after_s = after_s
        self._meter = UseMeter(gpu_load)
        self._steps: deque[float] = deque(maxlen=STEPS_OF_MEDIAN)
        self._ended = threading.Event()
        try:
            self._memory = _map(path)
            log.parent.mkdir(parents=True, exist_ok=True)
            self._log = log.open("ab", buffering=0)
        except OSError as error:
            raise RunError(f"{path}: the run folder cannot be written: {error.strerror}") from None
        self._numbers = memoryview(self._memory).cast("q")
        self._numbers[0] = attempt
        self._numbers[1] = os.getpid()
        self._stepped = self._measured = time.monotonic()
        faulthandler.register(STACKS_SIGNAL, file=self._log, all_threads=True)
        self._arm(STARTING_LIMIT_S)
        self._measure()
        _fresh(path).replace(path)  # complete from the start, never that of an older attempt
        threading.Thread(target=_share, args=(path, self._ended), daemon=True).start()

    def __enter__(self) -> Self:
        """Everything is set up already."""
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        """Mark the worker as ended, unless an error ended it."""
        self._measure()
        if kind is None:
            self._numbers[5] = FOREVER_MS
            self.at(Stage.ENDED)
        self.close()

    def close(self) -> None:
        """Beat no more: the file still says where the worker is."""
        faulthandler.cancel_dump_traceback_later()
        faulthandler.unregister(STACKS_SIGNAL)
        self._ended.set()
        self._numbers.release()
        self._memory.close()
        self._log.close()

    def begin(self, step: int) -> None:
        """Mark the start of the loop, after `step` steps."""
        self._numbers[6] = step
        self._numbers[2] = step
        self._checked = -math.inf  # the first step replaces the limit of the start
        self._stepped = time.monotonic()
        self.at(Stage.COMPUTING)

    def at(self, stage: Stage, *, limit_s: float | None = None) -> None:
        """Mark what comes now, and how long it may take if that is not the time of a step."""
        self._numbers[3] = stage
        self._numbers[4] += 1
        if limit_s is not None:
            self._arm(limit_s)

    def step(self, step: int) -> None:
        """Mark that `step` steps are completed."""
        now = time.monotonic()
        self._steps.append(now - self._stepped)
        self._stepped = now
        self._numbers[2] = step
        self._numbers[3] = Stage.COMPUTING
        self._numbers[4] += 1
        if now - self._checked > CHECKED_EVERY_S:
            self._arm(self._limit_s)

    def pause(self) -> None:
        """Mark that steps continue, and ignore the time that something else has taken."""
        self._stepped = time.monotonic()
        self.at(Stage.COMPUTING, limit_s=self._limit_s)

    def stay(self, stage: Stage) -> None:
        """Mark progress within a long stage; cheap enough for every batch."""
        self.at(stage)
        if time.monotonic() - self._checked > CHECKED_EVERY_S:
            self._arm(self._limit_s)

    @property
    def median_step_s(self) -> float | None:
        """Median seconds per step, of the newest steps; None before the first."""
        return statistics.median(self._steps) if self._steps else None

    @property
    def _limit_s(self) -> float:
        return self._after_s + MEDIANS * (self.median_step_s or 0.0)

    def _arm(self, limit_s: float) -> None:
        """Restart the limit from now."""
        self._checked = time.monotonic()
        self._numbers[5] = round(limit_s * 1e3)
        self._numbers[4] += 1
        stacks_after_s = min(limit_s * STACKS_AFTER, threading.TIMEOUT_MAX)
        faulthandler.dump_traceback_later(stacks_after_s, file=self._log)
        if self._checked - self._measured > CHECKED_EVERY_S:
            self._measure()

    def _measure(self) -> None:
        """Write what this process has used until now."""
        now = time.monotonic()
        use = self._meter(now - self._measured)
        self._measured = now
        for index, number in zip(USE, to_numbers(use), strict=True):
            self._numbers[index] = number


def read_heartbeats(folder: Path) -> list[Beat]:
    """Read the newest heartbeat of each worker of the newest attempt, by rank."""
    beats = [beat for path in folder.glob("worker-*") if (beat := _read(path)) is not None]
    newest = max((beat.attempt for beat in beats), default=0)
    return sorted((b for b in beats if b.attempt == newest), key=lambda beat: beat.rank)


def _fresh(path: Path) -> Path:
    """Where this process prepares a file that replaces `path`."""
    return path.with_name(f".{path.name}-{os.getpid()}")


def _map(path: Path) -> mmap.mmap:
    path.parent.mkdir(parents=True, exist_ok=True)
    _fresh(path).write_bytes(bytes(NUM_BYTES))
    with _fresh(path).open("r+b") as file:
        return mmap.mmap(file.fileno(), NUM_BYTES)


def _share(path: Path, ended: threading.Event) -> None:
    """Sync the file once a second: on a network file system others see it only then.

    A thread does it, because it may take long while a checkpoint is written.
    """
    with suppress(OSError), path.open("rb") as file:
        while not ended.wait(CHECKED_EVERY_S):
            os.fsync(file.fileno())
        os.fsync(file.fileno())


def _read(path: Path) -> Beat | None:
    try:
        data = path.read_bytes()
    except OSError:
        return None
    if len(data) != NUM_BYTES:
        return None
    numbers = memoryview(data).cast("q")
    attempt, process, step, stage, count, limit_ms, started_at = numbers[: USE.start]
    rank = int(path.name.removeprefix("worker-"))
    known = Stage(stage) if stage in set(Stage) else Stage.STARTING
    use = from_numbers(*numbers[USE.start :])
    return Beat(rank, attempt, process, step, known, count, limit_ms / 1e3, started_at, use)
