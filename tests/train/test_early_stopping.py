"""Early stopping: when it ends a run, and that this depends on the evaluations alone."""

import json
from pathlib import Path
from typing import Any

import pytest

from distnet.spec.metric import Metric
from distnet.spec.sections.early_stopping import EarlyStopping
from distnet.train.early_stopping import Watched, watch, why_enough
from distnet.train.exchange.worker_group import WorkerGroup
from distnet.train.worker import work
from tests.train.processes import run_workers
from tests.train.test_bits import assignment, bits, train

ACCURACY, MAE = Metric("accuracy", "percent", "higher"), Metric("mae")
NAN = float("nan")
STEPS_PER_EPOCH = 10
JOB = """
name: early
network: {kind: mlp, hidden: [16]}
data: {source: stripes}
optimizer: {kind: adam, learning_rate: 0.003}
schedule: {kind: cosine}
train: {epochs: 40, batch_size: 100, slices: 4, seed: 3, early_stopping: {patience: 2}}
"""


@pytest.mark.parametrize(
    ("options", "declared", "values", "said"),
    [
        ({}, ACCURACY, [0.5, 0.6, 0.6, 0.55], "epoch 4: no better accuracy since epoch 2"),
        ({}, ACCURACY, [0.5, 0.6, 0.6, 0.7], None),
        ({}, MAE, [3.0, 2.0, 2.5, 2.0], "epoch 4: no better mae since epoch 2"),
        ({"metric": "loss"}, ACCURACY, [3.0, 2.0, 1.5, 1.0], None),
        ({"min_delta": 0.1}, ACCURACY, [0.5, 0.55, 0.59], "epoch 3: no better accuracy since ep"),
        ({"min_delta": 0.1}, ACCURACY, [0.5, 0.55, 0.61], None),
        ({"min_delta": 0.5}, MAE, [3.0, 2.6, 2.5], "epoch 3: no better mae since epoch 1"),
        ({}, MAE, [NAN, 2.0, NAN, NAN], "epoch 4: no better mae since epoch 2"),
        ({}, MAE, [NAN, NAN, 2.0], None),
    ],
)
def test_training_ends_when_evaluations_get_no_better(
    options: dict[str, Any], declared: Metric, values: list[float], said: str | None
) -> None:
    spec, watched = EarlyStopping(patience=2, **options), None
    name, ends = spec.metric or declared.name, []
    for epoch, value in enumerate(values, start=1):
        watched = watch(spec, (declared,), watched, epoch, {name: value})
        ends.append(why_enough(spec, watched))

    assert ends[:-1] == [None] * (len(values) - 1)
    assert (ends[-1] or "").startswith(f"stopped early at {said}" if said else "")
    assert (ends[-1] is None) == (said is None)


def test_another_metric_of_a_resumed_run_starts_anew() -> None:
    before = Watched("accuracy", 0.9, best_epoch=1, epoch=2, num_since=1)
    spec = EarlyStopping(patience=2, metric="loss")

    found = watch(spec, (ACCURACY,), before, 3, {"loss": 1.0, "accuracy": 0.1})

    assert found == Watched("loss", 1.0, 3, 3)


def records(run: Path, kind: str) -> list[dict[str, Any]]:
    lines = map(json.loads, (run / "metrics.jsonl").read_text().splitlines())
    return [record for record in lines if record["kind"] == kind]


def trained(
    group: WorkerGroup, job: str, data: Path, run: Path, stop_at: int | None = None
) -> dict[str, Any]:
    return train(group, assignment(job, data, run), stop_at)


def resumed(group: WorkerGroup, job: str, data: Path, run: Path) -> dict[str, Any]:
    (run / "stop").unlink(missing_ok=True)
    return work(assignment(job, data, run, is_resumed=True), group)


def test_a_run_that_was_stopped_ends_after_the_same_epoch(stripes: Path, tmp_path: Path) -> None:
    whole, run = tmp_path / "whole", tmp_path / "stopped"
    expected = trained(WorkerGroup(), JOB, stripes, whole)
    epochs = expected["steps"] // STEPS_PER_EPOCH
    said = f"stopped early at epoch {epochs}: no better accuracy since epoch {epochs - 2}"

    assert 3 <= epochs < 40
    assert (expected["status"], expected["stopped_early"]) == ("finished", said)
    end = records(whole, "end")[-1]
    assert (end["status"], end["early"], end["step"]) == ("finished", said, expected["steps"])
    assert records(whole, "note")[-1]["text"] == said
    # The schedule is that of all 40 epochs.
    assert records(whole, "step")[-1]["learning_rate"] > 0.9 * 0.003

    # Between the best evaluation and the last: what was seen before comes with the checkpoint.
    first = trained(WorkerGroup(), JOB, stripes, run, expected["steps"] - STEPS_PER_EPOCH + 3)
    again = resumed(WorkerGroup(), JOB, stripes, run)

    assert (first["status"], first["stopped_early"]) == ("stopped", None)
    assert again["stopped_early"] == said
    assert bits([again], run) == bits([expected], whole)

    longer = resumed(WorkerGroup(), JOB.replace("patience: 2", "patience: 3"), stripes, run)
    assert longer["steps"] > again["steps"]


@pytest.mark.check
def test_the_same_epoch_is_the_last_on_any_workers_and_after_a_resume(
    stripes: Path, tmp_path: Path
) -> None:
    runs = {}
    for size in (1, 2, 3):
        run = tmp_path / f"run-{size}"
        outcomes = run_workers(trained, size, tmp_path, JOB, stripes, run)
        runs[size] = {one["stopped_early"] for one in outcomes}, bits(outcomes, run)
    run = tmp_path / "stopped"
    run_workers(trained, 3, tmp_path, JOB, stripes, run, 23)
    outcomes = run_workers(resumed, 2, tmp_path, JOB, stripes, run)
    again = {one["stopped_early"] for one in outcomes}, bits(outcomes, run)

    assert len(runs[1][0]) == 1
    assert runs[1] == runs[2] == runs[3] == again
