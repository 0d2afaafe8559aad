"""Records: lines that survive a crash, and the same numbers as event files."""

import json
import struct
from pathlib import Path
from typing import Any

import pytest
from tensorboardX.proto.event_pb2 import Event

from distnet.run_folder.records.recorder import Recorder

STEP = {"kind": "step", "step": 3, "epoch": 1, "loss": 0.5, "accuracy": 0.75, "seconds": 1.0}
EPOCH = {"kind": "epoch", "step": 4, "epoch": 1, "train": {"loss": 0.4}, "test": {"loss": 0.3}}


def read_events(folder: Path) -> dict[tuple[str, int], float]:
    """Scalars by name and step: records of length, checksum, bytes, checksum."""
    [path] = folder.glob("events*")
    data, scalars = path.read_bytes(), {}
    while data:
        (length,) = struct.unpack("<Q", data[:8])
        event = Event.FromString(data[12 : 12 + length])
        data = data[16 + length :]
        for value in event.summary.value:
            scalars[value.tag, event.step] = value.simple_value
    return scalars


def emit(folder: Path, *records: dict[str, Any], attempt: int = 1) -> list[dict[str, Any]]:
    heard: list[dict[str, Any]] = []
    recorder = Recorder(
        folder / "metrics.jsonl", folder / "events", attempt=attempt, listener=heard.append
    )
    for record in records:
        recorder.emit(record)
    recorder.close()
    return heard


def test_records_are_lines_and_events_and_are_heard(tmp_path: Path) -> None:
    heard = emit(tmp_path, STEP, EPOCH)

    lines = [json.loads(line) for line in (tmp_path / "metrics.jsonl").read_text().splitlines()]
    assert lines == heard == [{**STEP, "attempt": 1}, {**EPOCH, "attempt": 1}]
    assert read_events(tmp_path / "events") == pytest.approx(
        {
            ("step/loss", 3): 0.5,
            ("step/accuracy", 3): 0.75,
            ("train/loss", 4): 0.4,
            ("test/loss", 4): 0.3,
        }
    )


def test_records_of_a_new_attempt_begin_after_a_torn_line(tmp_path: Path) -> None:
    emit(tmp_path, STEP)
    with (tmp_path / "metrics.jsonl").open("a") as file:
        file.write('{"kind": "st')

    emit(tmp_path, EPOCH, attempt=2)

    first, torn, last = (tmp_path / "metrics.jsonl").read_text().splitlines()
    assert json.loads(first)["attempt"] == 1
    assert torn == '{"kind": "st'
    assert json.loads(last) == {**EPOCH, "attempt": 2}
