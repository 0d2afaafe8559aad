"""What the launcher reads from a run's records, and appends while no attempt is running."""

import json
from collections.abc import Iterator
from contextlib import suppress
from typing import Any

from distnet.run_folder.paths import RunFolder
from distnet.run_folder.records.recorder import Record, append_lines

MARK = '"kind": "{}"'


class RunLog:
    """The records of one run. A line torn by a crash is skipped."""

    def __init__(self, folder: RunFolder) -> None:
        self._path = folder.metrics

    @property
    def num_attempts(self) -> int:
        """The number of the newest attempt that is recorded; 0 before the first."""
        return max((record.get("attempt", 0) for record in self._records("attempt")), default=0)

    @property
    def saved_step(self) -> int:
        """The step of the newest checkpoint; 0 before the first."""
        return max((record.get("step", 0) for record in self._records("checkpoint")), default=0)

    @property
    def attempt(self) -> Record:
        """The record of the newest attempt; empty before the first."""
        return max(self._records("attempt"), key=lambda r: int(r.get("attempt", 0)), default={})

    @property
    def end(self) -> Record:
        """The newest record of an end; empty if there is none."""
        *_, newest = ({}, *self._records("end"))
        return newest

    def has_ended(self, attempt: int) -> bool:
        """Whether the end of that attempt is recorded."""
        return any(record.get("attempt") == attempt for record in self._records("end"))

    def append(self, record: Record) -> None:
        """Append a record; errors are ignored, as a full or lost disk may be its very subject."""
        with suppress(OSError), append_lines(self._path) as file:
            file.write(json.dumps(record) + "\n")

    def _records(self, kind: str) -> Iterator[dict[str, Any]]:
        if not self._path.is_file():
            return
        mark = MARK.format(kind)
        with self._path.open(encoding="utf-8", errors="replace") as file:
            for line in file:
                if mark in line:
                    with suppress(ValueError):
                        record = json.loads(line)
                        if isinstance(record, dict):
                            yield record
