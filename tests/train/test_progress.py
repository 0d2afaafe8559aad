"""Sums over steps and epochs, and how often steps are recorded."""

import time
from pathlib import Path
from typing import Any

import pytest

from distnet.tasks.task import Phase
from distnet.train.checkpoint.position import Position
from distnet.train.compute.trainee import build
from distnet.train.exchange.worker_group import WorkerGroup
from distnet.train.progress import Progress, means_of
from distnet.train.reporter import BURST, PER_S, RecordReporter
from tests.train.test_bits import assignment

PHASES = (Phase(metrics=("accuracy",)),)
JOB = """
name: reported
network: {kind: mlp, hidden: [4]}
data: {source: stripes}
train: {steps: 1000000, batch_size: 30}
"""


def test_means_are_those_since_the_last_record_and_of_the_epoch() -> None:
    progress = Progress(PHASES, {"train": (10.0, 10.0, 5.0, 10.0)}, 10)
    progress.add({"train": (6.0, 4.0, 3.0, 4.0)}, 4)
    progress.add({"train": (2.0, 4.0, 1.0, 4.0)}, 4)

    assert progress.read()[0] == {"loss": 1.0, "accuracy": 0.5}
    progress.add({"train": (4.0, 2.0, 2.0, 2.0)}, 2)
    assert progress.read()[0] == {"loss": 2.0, "accuracy": 1.0}
    assert progress.read_epoch() == {"loss": 22.0 / 20, "accuracy": 11.0 / 20}
    assert progress.epoch_samples == 20
    progress.begin_epoch()
    assert (progress.epoch_sums, progress.epoch_samples) == ({}, 0)


def test_each_phase_has_a_loss_of_its_own_and_one_without_weight_has_none() -> None:
    phases = (Phase("critic"), Phase("generator"), Phase("rest"))
    sums = {"critic": (6.0, 3.0), "generator": (8.0, 2.0), "rest": (0.0, 0.0)}

    assert means_of(phases, sums) == {"critic_loss": 2.0, "loss": 4.0, "generator_loss": 4.0}


def test_steps_are_recorded_a_bounded_number_of_times(
    stripes: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assigned, group = assignment(JOB, stripes, tmp_path), WorkerGroup()
    trainee = build(assigned.job, stripes, tmp_path, group, "fp32")
    records: list[dict[str, Any]] = []
    reporter = RecordReporter(records.append, trainee, assigned, group)
    reporter.begin(Position(), ())
    progress, now, seconds = Progress(PHASES, {}, 0), time.monotonic(), 30
    monkeypatch.setattr("distnet.train.reporter.time.monotonic", lambda: now)
    for step in range(1, 1000 * seconds + 1):
        now += 0.001
        progress.add({"train": (1.0, 1.0, 1.0, 1.0)}, 1)
        reporter.step(step, 1, {}, progress)
    trainee.close()

    steps = [record for record in records if record["kind"] == "step"]
    assert seconds - 1 <= len(steps) <= BURST + PER_S * seconds
    assert [record["step"] for record in steps][0] == 1
