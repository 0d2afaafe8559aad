"""One TensorBoard event file. Importing this takes long, so `tensorboard.py` does it late."""

from pathlib import Path
from typing import Any

from tensorboardX.event_file_writer import EventsWriter
from tensorboardX.proto.event_pb2 import Event
from tensorboardX.proto.summary_pb2 import Summary


class EventFile:
    """A new event file in `folder`; `suffix` distinguishes files of one second.

    Raises:
        OSError: it cannot be written.
    """

    def __init__(self, folder: Path, suffix: str) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._writer = EventsWriter(str(folder / "events"), suffix)

    def add(self, record: dict[str, Any]) -> None:
        """Add the numbers of a record; its `wall` is the time in seconds since 1970."""
        values = [Summary.Value(tag=tag, simple_value=value) for tag, value in _scalars(record)]
        summary = Summary(value=values)
        self._writer.write_event(
            Event(wall_time=record["wall"], step=record["step"], summary=summary)
        )

    def flush(self) -> None:
        """Write to the disk what was added."""
        self._writer.flush()

    def close(self) -> None:
        """Close the file."""
        self._writer.close()


def _scalars(record: dict[str, Any]) -> list[tuple[str, float]]:
    """The numbers of a record by their tags: `step/loss`, `test/accuracy`."""
    found = []
    if record["kind"] == "final":
        record = {"kind": "final", record["split"]: record["metrics"]}
    for name, value in record.items():
        if isinstance(value, dict):
            found += [(f"{name}/{k}", v) for k, v in value.items() if isinstance(v, float)]
        elif isinstance(value, float) and name not in ("seconds", "wall"):
            found.append((f"{record['kind']}/{name}", value))
    return found
