"""Read a run folder for a tracker: the facts of the run, and the numbers of its records."""

import json
import math
import time
from collections.abc import Iterator
from contextlib import suppress
from typing import Any

from distnet.run_folder.paths import RunFolder
from distnet.run_folder.read import read_object
from distnet.run_folder.records.scalars import KINDS, scalars
from distnet.spec.reading.yaml import read_yaml
from distnet.tracking.tracker import Point, TrackedRun

SECRET = "env"
"""The section whose values are nobody's business."""
FACTS = ("network", "num_parameters", "dataset", "workers", "code_sha256")
"""Of the plan."""


def read_run(folder: RunFolder) -> TrackedRun:
    """Read what a run is going to do.

    Raises:
        RunError: a file of the folder cannot be read.
    """
    job: Any = read_yaml(folder.job.read_text("utf-8")).value
    plan = read_object(folder.plan)
    return TrackedRun(
        name=folder.name,
        job=str(job["name"]),
        folder=folder.path,
        parameters=dict(_flat({k: v for k, v in job.items() if k != SECRET})),
        facts={"folder": str(folder.path)} | {k: str(plan[k]) for k in FACTS if plan.get(k)},
    )


class Points:
    """The numbers of a run, read from `metrics.jsonl` as it grows.

    Args:
        folder: of the run.
        num_bytes: how much of it was read before.
    """

    def __init__(self, folder: RunFolder, num_bytes: int) -> None:
        self._path, self.num_bytes = folder.metrics, 0
        self._began = self._moment = math.nan
        self.status = "stopped"
        """How the newest attempt has ended; `stopped` while it has not."""
        if num_bytes:  # for the times in it
            self.read(num_bytes)
        self.num_bytes = num_bytes

    def read(self, most_bytes: int) -> list[Point]:
        """Read whole lines that were added; nothing where there are none."""
        data = b""
        with suppress(FileNotFoundError), self._path.open("rb") as file:
            file.seek(self.num_bytes)
            data = file.read(most_bytes)
        whole = data[: data.rfind(b"\n") + 1]
        self.num_bytes += len(whole)
        found = (self._point(line) for line in whole.splitlines())
        return [point for point in found if point is not None]

    def _point(self, line: bytes) -> Point | None:
        try:
            record: dict[str, Any] = json.loads(line)
            kind = record["kind"]
        except (ValueError, KeyError, TypeError):  # torn by a crash
            return None
        if kind == "attempt":
            self._began, self.status = record.get("time", math.nan), "stopped"
        if kind == "end":
            self.status = record["status"]
        values = scalars(record) if kind in KINDS else {}
        if not values:
            return None
        return Point(record["step"], self._time_of(record), values)

    def _time_of(self, record: dict[str, Any]) -> float:
        """When it was recorded; of what has no time, that of the record before, now as later.

        A tracker may get a record twice, after a crash: at the same time it is the same number.
        """
        moment = self._began + record.get("seconds", math.nan)
        self._moment = moment if math.isfinite(moment) else self._moment
        return self._moment if math.isfinite(self._moment) else time.time()


def _flat(value: Any, prefix: str = "") -> Iterator[tuple[str, str]]:
    """Each value by its whole key: `optimizer.learning_rate`."""
    if isinstance(value, dict):
        for key, below in value.items():
            yield from _flat(below, f"{prefix}.{key}" if prefix else str(key))
    else:
        yield prefix, value if isinstance(value, str) else json.dumps(value)
