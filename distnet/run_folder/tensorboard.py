"""Write the numbers of the records as TensorBoard event files."""

import time
from collections import deque
from contextlib import suppress
from pathlib import Path
from typing import Any

FLUSH_S = 10.0
MAX_WAITING = 10_000


class Events:
    """Event files of one attempt.

    A full disk does not end training: numbers wait in memory, and go to a new file once it has
    space again.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._writer: Any = None
        self._num_files = 0
        self._waiting: deque[dict[str, Any]] = deque(maxlen=MAX_WAITING)
        self._written_at = time.monotonic()

    def add(self, record: dict[str, Any]) -> None:
        """Add the numbers of a step or an epoch."""
        if record["kind"] not in ("step", "epoch"):
            return
        self._waiting.append({**record, "wall": time.time()})
        is_time = time.monotonic() - self._written_at > FLUSH_S
        if record["kind"] == "epoch" or is_time:
            self._write()

    def close(self) -> None:
        """Write what is left."""
        self._write()
        self._end_file()

    def _write(self) -> None:
        self._written_at = time.monotonic()
        try:
            if self._writer is None:
                self._begin_file()
            for record in self._waiting:
                self._writer.write_event(_event(record))
            self._writer.flush()
            self._waiting.clear()
        except OSError:
            self._end_file()

    def _begin_file(self) -> None:
        # Imported with the first file: at the start it would delay the first step.
        from tensorboardX.event_file_writer import EventsWriter

        self._folder.mkdir(parents=True, exist_ok=True)
        suffix = f".{self._num_files}" if self._num_files else ""
        self._writer = EventsWriter(str(self._folder / "events"), suffix)
        self._num_files += 1

    def _end_file(self) -> None:
        if self._writer is not None:
            with suppress(OSError):
                self._writer.close()
            self._writer = None


def _event(record: dict[str, Any]) -> Any:
    # As above: not before the first file.
    from tensorboardX.proto.event_pb2 import Event
    from tensorboardX.proto.summary_pb2 import Summary

    values = [Summary.Value(tag=name, simple_value=value) for name, value in _scalars(record)]
    return Event(wall_time=record["wall"], step=record["step"], summary=Summary(value=values))


def _scalars(record: dict[str, Any]) -> list[tuple[str, float]]:
    found = []
    for name, value in record.items():
        if isinstance(value, dict):
            found += [(f"{name}/{k}", v) for k, v in value.items() if isinstance(v, float)]
        elif isinstance(value, float) and name not in ("seconds", "wall"):
            found.append((f"{record['kind']}/{name}", value))
    return found
