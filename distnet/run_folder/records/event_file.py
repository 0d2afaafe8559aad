"""One TensorBoard event file. Importing this takes long, so `tensorboard.py` does it late."""

from pathlib import Path
from typing import Any

from tensorboardX.event_file_writer import EventsWriter
from tensorboardX.proto.event_pb2 import Event
from tensorboardX.proto.summary_pb2 import Summary

from distnet.run_folder.records.scalars import scalars


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
        tagged = scalars(record).items()
        values = [Summary.Value(tag=tag, simple_value=value) for tag, value in tagged]
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
