"""A disk that is full at any point of a commit: nothing is lost, a note says it."""

import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from distnet.errors import StorageError
from distnet.run_folder.records.lines_file import RESERVE_BYTES
from distnet.run_folder.records.recorder import Recorder
from distnet.train.checkpoint.checkpoint import read_newest, write_checkpoint
from distnet.train.checkpoint.saver import Saver
from distnet.train.exchange.worker_group import WorkerGroup
from distnet.train.worker import work
from tests.train.checkpoint.checkpoints import fill, is_same, needs_root, small_disk, state
from tests.train.test_bits import assignment

MB = 2**20
JOB = """
name: full
network: {kind: mlp, hidden: [300, 300]}
data: {source: stripes}
optimizer: {kind: adam}
train: {epochs: 2, batch_size: 30, slices: 4, seed: 3}
retry: {storage: {times: 1000, backoff: 10ms}, longest_backoff: 20ms}
checkpoint: {every_steps: 10}
"""
pytestmark = needs_root


def test_commit_on_a_full_disk_leaves_the_old_one(tmp_path: Path) -> None:
    with small_disk(tmp_path / "disk", MB) as disk:
        write_checkpoint(disk, state(1))

        with pytest.raises(OSError, match="No space left"):
            write_checkpoint(disk, state(2, numbers=500_000))

        assert [path.name for path in disk.iterdir()] == ["step-00000001"]
        assert is_same(read_newest(disk), state(1))


@pytest.mark.parametrize("tenths", range(10))
def test_store_full_at_any_point_keeps_the_old_one_and_training_continues(
    tenths: int, stripes: Path, tmp_path: Path
) -> None:
    numbers = 200_000
    with small_disk(tmp_path / "disk", 4 * MB) as disk:
        text = JOB.replace("every_steps: 10", f'store: "{disk}"')
        records: list[dict[str, Any]] = []
        assigned = assignment(text, stripes, tmp_path / "run")
        saver = Saver(assigned.job, assigned, records.append)
        saver.save(state(1, numbers))
        saver.flush()
        filler = fill(disk, leave=tenths * 4 * numbers // 10)

        saver.save(state(2, numbers))
        heard = wait_for_note(records)

        assert heard.startswith("checkpoint of step 2 could not be written: No space left on dev")
        assert "the one of step 1 is intact; tried again in" in heard
        assert saver_folder(disk, "step-") == ["step-00000001"]
        assert read_newest(disk / "run").step == 1
        filler.unlink()
        saver.flush()
        saver.close()

        assert saver_folder(disk, "") == ["step-00000001", "step-00000002"]
        assert read_newest(disk / "run").step == 2


def wait_for_note(records: list[dict[str, Any]]) -> str:
    while True:
        for record in list(records):
            if record["kind"] == "note":
                return str(record["text"])
        time.sleep(0.001)


def saver_folder(disk: Path, beginning: str) -> list[str]:
    found = [path.name for path in (disk / "run").iterdir()]
    return sorted(name for name in found if name.startswith(beginning))


def test_training_continues_while_the_store_is_full(stripes: Path, tmp_path: Path) -> None:
    whole = work(assignment(JOB, stripes, tmp_path / "whole"), WorkerGroup())
    with small_disk(tmp_path / "disk", 8 * MB) as disk:
        text = JOB.replace("every_steps: 10", f'every_steps: 10, store: "{disk}"')
        assigned = assignment(text, stripes, tmp_path / "run")
        listen = Filling(disk, "No space left", after=5)

        outcome = work(assigned, WorkerGroup(), listener=listen)

        assert listen.heard > 5
        assert outcome["status"] == "finished"
        assert outcome["weights_sha256"] == whole["weights_sha256"]
        assert read_newest(disk / "run").step == outcome["steps"]


class Filling:
    """A listener: fills a disk when it hears of a checkpoint, and empties it after some notes."""

    def __init__(self, disk: Path, text: str, *, after: int) -> None:
        self.heard, self._disk, self._text, self._after = 0, disk, text, after
        self._filler: Path | None = None

    def __call__(self, record: dict[str, Any]) -> None:
        if record["kind"] == "checkpoint" and self._filler is None:
            self._filler = fill(self._disk, leave=0)
        if record["kind"] == "note" and self._text in record["text"]:
            self.heard += 1
            if self.heard == self._after + 1 and self._filler is not None:
                self._filler.unlink()


def test_run_folder_that_is_full_ends_no_training_and_loses_no_record(
    stripes: Path, tmp_path: Path
) -> None:
    whole = work(assignment(JOB, stripes, tmp_path / "whole"), WorkerGroup())
    with small_disk(tmp_path / "disk", 8 * MB) as disk:
        listen = Filling(disk, "could not be written", after=20)

        outcome = work(assignment(JOB, stripes, disk / "run"), WorkerGroup(), listener=listen)

        assert outcome["weights_sha256"] == whole["weights_sha256"]
        lines = (disk / "run/metrics.jsonl").read_text().splitlines()
        records = [json.loads(line) for line in lines]
        texts = [record["text"] for record in records if record["kind"] == "note"]
        assert any(text.startswith("metrics.jsonl: No space left on device;") for text in texts)
        assert any(text.startswith("checkpoint of step 20 could not be") for text in texts)
        lines = (tmp_path / "whole/metrics.jsonl").read_text().splitlines()
        for kind in ("attempt", "epoch", "end"):
            expected = [r["step"] for r in map(json.loads, lines) if r["kind"] == kind]
            assert [r["step"] for r in records if r["kind"] == kind] == expected
        assert [p.name for p in (disk / "run").glob(".*")] == []


def test_budget_spent_on_a_full_store_ends_training_with_the_reason(
    stripes: Path, tmp_path: Path
) -> None:
    with small_disk(tmp_path / "disk", 8 * MB) as disk:
        text = JOB.replace("every_steps: 10", f'every_steps: 10, store: "{disk}"')
        assigned = assignment(text.replace("times: 1000", "times: 3"), stripes, tmp_path / "run")
        listen = Filling(disk, "could not be written", after=99)

        with pytest.raises(StorageError, match=r"4 times in a row: No space left on device"):
            work(assigned, WorkerGroup(), listener=listen)

        assert listen.heard == 3
        assert read_newest(disk / "run").step == 10


@pytest.mark.parametrize("leave", [0, 100, 5000, RESERVE_BYTES])
def test_records_wait_in_memory_until_there_is_space(leave: int, tmp_path: Path) -> None:
    with small_disk(tmp_path / "disk", MB) as disk:
        heard: list[dict[str, Any]] = []
        recorder = Recorder(disk / "m.jsonl", disk / "events", attempt=1, listener=heard.append)
        emit_many(recorder.emit, range(10))
        filler = fill(disk, leave=leave)
        emit_many(recorder.emit, range(10, 1000))
        assert "No space left on device" in (disk / "m.jsonl").read_text(), "reported at once"
        filler.unlink()
        emit_many(recorder.emit, range(1000, 1010))
        recorder.close()

        lines = [json.loads(line) for line in (disk / "m.jsonl").read_text().splitlines()]
        assert lines == heard
        steps = [line["step"] for line in lines if line["kind"] == "epoch"]
        assert steps == list(range(1010))
        notes = [line["text"] for line in lines if line["kind"] == "note"]
        assert len(notes) == 2
        assert "can be written again" in notes[1]


def test_records_end_in_order_on_a_disk_that_stays_full(tmp_path: Path) -> None:
    with small_disk(tmp_path / "disk", MB) as disk:
        recorder = Recorder(disk / "m.jsonl", disk / "events", attempt=1)
        fill(disk, leave=0)
        emit_many(recorder.emit, range(100))
        recorder.emit({"kind": "end", "status": "finished"})
        recorder.close()

        last = json.loads((disk / "m.jsonl").read_text().splitlines()[-1])
        assert last["kind"] == "end"


def emit_many(emit: Callable[[dict[str, Any]], None], steps: range) -> None:
    for step in steps:
        emit({"kind": "epoch", "step": step, "epoch": step, "train": {"loss": 0.5}})
