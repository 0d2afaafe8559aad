"""The reports of an attempt: what its records and the heartbeats of its workers say."""

import json
from pathlib import Path
from typing import Any

import pytest

from distnet.agent.progress import Progress
from distnet.launch.placement import Placement
from distnet.protocol.metrics import AtRung, Compared
from distnet.run_folder.paths import RunFolder
from distnet.run_folder.workers.heartbeat import Heartbeat


@pytest.fixture
def folder(tmp_path: Path) -> RunFolder:
    return RunFolder(tmp_path / "run")


def worker(folder: RunFolder, rank: int, launch: int) -> Heartbeat:
    log = folder.worker_log(rank)
    return Heartbeat(folder.heartbeat(rank), attempt=launch, after_s=60.0, log=log)


def record_in(folder: RunFolder, progress: Progress, *records: dict[str, Any]) -> None:
    """Let records arrive as in a run: each is in its file before it is heard of."""
    folder.path.mkdir(exist_ok=True)
    for record in records:
        with folder.metrics.open("a") as file:
            file.write(json.dumps(record) + "\n")
        progress(record)


def evaluated(epoch: int, accuracy: float) -> dict[str, Any]:
    measured = {"loss": 1.0, "accuracy": accuracy}
    return {"kind": "epoch", "attempt": 1, "epoch": epoch, "step": 10 * epoch, "train": {}} | {
        "validation": measured
    }


def begins(progress: Progress, launch: int, step: int) -> None:
    record: dict[str, Any] = {"kind": "attempt", "attempt": launch, "workers": 2}
    progress(record | {"step": step, "num_steps": 100, "split": "test"})


def test_a_report_has_what_the_workers_have_used(folder: RunFolder) -> None:
    progress = Progress(folder, Placement({"node-a": 2}))
    assert progress.report().used is None

    with worker(folder, 0, 1) as first, worker(folder, 1, 1) as second:
        begins(progress, 1, 10)
        for heartbeat in (first, second):
            heartbeat.begin(10)
            heartbeat.step(30)
        used = progress.report().used
    assert used is not None
    assert used.cpu_s > 0  # two workers are one process here
    assert (used.first_step, used.num_steps) == (10, 20)
    assert 0 < used.peak_bytes < used.node_bytes
    assert used.gpu_s is None

    with worker(folder, 0, 2) as again:
        begins(progress, 2, 25)
        again.begin(25)
        again.step(40)
        later = progress.report().used
    assert later is not None
    assert later.cpu_s > used.cpu_s
    assert (later.first_step, later.num_steps) == (10, 35)


def test_a_run_is_compared_by_the_validation_of_the_weights_that_its_end_measures(
    folder: RunFolder,
) -> None:
    accuracy = {"name": "accuracy", "format": "percent", "direction": "higher"}
    begin = {"kind": "attempt", "attempt": 1, "workers": 1, "step": 0, "num_steps": 30}
    begin |= {"split": "validation", "metrics": [accuracy]}
    final = {"kind": "final", "attempt": 2, "step": 30, "weights_step": 10, "split": "test"}
    earlier = Progress(folder, Placement({"node-a": 1}))
    record_in(folder, earlier, begin, evaluated(1, 0.9), evaluated(2, 0.7))

    progress = Progress(folder, Placement({"node-a": 1}))
    record_in(folder, progress, begin | {"attempt": 2, "step": 20}, evaluated(3, 0.8))
    before = progress.report()
    record_in(folder, progress, final | {"metrics": {"loss": 0.5, "accuracy": 0.6}})
    after = progress.report()

    assert earlier.report().compared == Compared(split="validation", value=0.7)
    assert before.compared == Compared(split="validation", value=0.8)
    assert after.compared == Compared(split="validation", value=0.9)
    assert (after.split, after.metrics["accuracy"]) == ("test", 0.6)


def test_a_trial_reports_what_it_was_measured_at_its_rungs_also_by_an_earlier_attempt(
    folder: RunFolder,
) -> None:
    accuracy = {"name": "accuracy", "format": "percent", "direction": "higher"}
    begin = {"kind": "attempt", "attempt": 1, "workers": 1, "step": 0, "num_steps": 90}
    begin |= {"split": "validation", "metrics": [accuracy]}
    folder.path.mkdir()
    folder.plan.write_text(json.dumps({"epochs": 9.0}))
    first = Progress(folder, Placement({"node-a": 1}), (1 / 9, 1 / 3))
    record_in(folder, first, begin, evaluated(1, 0.5))
    at_first = first.report().at_rungs
    record_in(folder, first, evaluated(2, 0.6), evaluated(3, 0.7), evaluated(4, 0.8))

    again = Progress(folder, Placement({"node-a": 1}), (1 / 9, 1 / 3))
    record_in(folder, again, begin | {"attempt": 2, "step": 40})

    assert at_first == (AtRung(epoch=1, num_epochs=9, value=0.5),)
    assert first.report().at_rungs == (*at_first, AtRung(epoch=3, num_epochs=9, value=0.7))
    assert again.report().at_rungs == first.report().at_rungs
    assert at_first[0].text == "epoch 1 of 9"
