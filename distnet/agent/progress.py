"""Where the training of an attempt is, from its records and its workers' heartbeats."""

import math
import threading
import time
from collections import Counter
from typing import Any

from distnet.launch.placement import Placement
from distnet.protocol.attempt import FIGURES, Report
from distnet.run_folder.heartbeat import Stage, read_heartbeats
from distnet.run_folder.paths import RunFolder
from distnet.run_folder.recorder import Record


class Progress:
    """Is told every record, in one thread, and asked for a report in another.

    The launcher counts attempts of its own, one for each time that the workers begin anew; here
    they are called by their number.
    """

    def __init__(self, folder: RunFolder, placement: Placement) -> None:
        self._folder, self._given = folder, placement
        self._lock = threading.Lock()
        self._number: int | None = None
        self._workers = 0
        self._facts: dict[str, Any] = {}
        self._figures: dict[str, float] = {}
        self._placement: dict[str, int] = {}
        self._is_training = False
        self._first: tuple[float, int] | None = None
        """A time after the first step of these workers, and the step that was made by then."""

    def __call__(self, record: Record) -> None:
        """Take in one record of metrics.jsonl."""
        with self._lock:
            match record["kind"]:
                case "attempt":
                    self._begin(record)
                case "step":
                    self._is_training = True
                    self._facts["step"] = record["step"]
                    self._figures |= {name: record[name] for name in FIGURES if name in record}
                case "checkpoint":
                    self._facts["saved_step"] = record["step"]

    @property
    def workers(self) -> int:
        """How many the newest of the launcher's attempts has; 0 before it begins."""
        return self._workers

    def report(self) -> Report:
        """Where training is now, without logs."""
        with self._lock:
            self._look_at_workers()
            self._look_at_pace(time.monotonic())
            return Report(
                is_training=self._is_training,
                placement=self._placement,
                draining=self._given.draining,
                progress={k: v for k, v in self._figures.items() if _is_number(v)},
                **self._facts,
            )

    def _begin(self, record: Record) -> None:
        self._number, self._workers = record["attempt"], record["workers"]
        self._placement, self._first = {}, None
        self._facts |= {"step": record["step"], "num_steps": record["num_steps"]}
        self._facts.setdefault("saved_step", record["step"])

    def _look_at_workers(self) -> None:
        """Read where they are, and a step that no record tells of yet."""
        if self._number is None:
            return
        if not self._placement:
            self._placement = _placement_of(self._folder, self._workers)
        for sign in read_heartbeats(self._folder.heartbeats):
            if sign.attempt == self._number and sign.stage is not Stage.STARTING:
                self._facts["step"] = max(self._facts["step"], sign.step)
                self._is_training |= sign.step > sign.started_at

    def _look_at_pace(self, now: float) -> None:
        """Measure how long a step takes, with all that comes with it, but without the start-up."""
        if not self._is_training or self._number is None:
            return
        step = self._facts["step"]
        if self._first is None:
            self._first = (now, step)
        since, first = self._first
        if step > first:
            self._figures["seconds_per_step"] = (now - since) / (step - first)


def _placement_of(folder: RunFolder, workers: int) -> dict[str, int]:
    """The workers on each node; empty until it is known of all."""
    try:
        nodes = [folder.node(rank).read_text() for rank in range(workers)]
    except OSError:
        return {}
    return dict(Counter(nodes)) if all(nodes) else {}


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and math.isfinite(value)
