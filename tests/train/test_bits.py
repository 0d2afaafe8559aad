"""The promise: the same bits on any number of workers, stopped and resumed or not."""

from pathlib import Path
from typing import Any

import pytest

from distnet.run_folder.assignment import Assignment
from distnet.spec.read import read_job_text
from distnet.train.checkpoint.checkpoint import read_newest
from distnet.train.exchange.worker_group import WorkerGroup
from distnet.train.worker import work
from tests.train import listeners
from tests.train.processes import run_workers

MLP = """
name: stripes-mlp
network: {kind: mlp, hidden: [16, 16]}
data: {source: stripes}
optimizer: {kind: sgd, learning_rate: 0.05, momentum: 0.9, nesterov: true, weight_decay: 0.001}
schedule: {kind: one-cycle}
train: {epochs: 2, batch_size: 30, slices: 4, clip: 1.0, seed: 3}
"""
CNN = """
name: stripes-cnn
network: {kind: cnn, channels: [4, 8], hidden: 16, batch_norm: true, dropout: 0.3}
data:
  source: stripes
  augment: [{kind: shift, pixels: 1}, {kind: flip}, {kind: rotate, degrees: 5}]
optimizer: {kind: adamw, learning_rate: 0.01}
schedule: {kind: cosine, warmup: 0.1}
train: {epochs: 2, batch_size: 30, slices: 4, accumulate: 2, precision: bf16, seed: 5}
"""


def assignment(text: str, data: Path, run: Path, *, is_resumed: bool = False) -> Assignment:
    job = read_job_text(text).job.resolved()
    (run / "checkpoints").mkdir(parents=True, exist_ok=True)
    return Assignment(
        job=job,
        job_folder=str(run),
        dataset=str(data),
        run=str(run),
        precision=job.train.precision,
        is_resumed=is_resumed,
        attempt=2 if is_resumed else 1,
    )


def train(group: WorkerGroup, assigned: Assignment, stop_at: int | None = None) -> dict[str, Any]:
    return work(assigned, group, listener=listeners.stop_at(stop_at, assigned.folder.stop))


def bits(outcomes: list[dict[str, Any]], run: Path) -> tuple[Any, ...]:
    """Everything that must not depend on the workers."""
    hashes = {outcome["weights_sha256"] for outcome in outcomes}
    state = read_newest(run / "checkpoints")
    tensors = {**state.weights, **{f"optimizer {k}": v for k, v in state.optimizer.items()}}
    content = {name: tensor.numpy().tobytes() for name, tensor in tensors.items()}
    return hashes, outcomes[0]["metrics"], outcomes[0]["steps"], content


@pytest.mark.parametrize(
    "text", [MLP, pytest.param(CNN, marks=pytest.mark.check)], ids=["mlp", "cnn"]
)
def test_bits_are_the_same_on_any_workers_and_after_a_resume(
    text: str, stripes: Path, tmp_path: Path
) -> None:
    runs = {}
    for size in (1, 2, 3, 4):
        run = tmp_path / f"run-{size}"
        runs[size] = bits(run_workers(train, size, tmp_path, assignment(text, stripes, run)), run)

    run = tmp_path / "stopped"
    [first, *_] = run_workers(train, 3, tmp_path, assignment(text, stripes, run), 20)
    (run / "stop").unlink()
    resumed = assignment(text, stripes, run, is_resumed=True)
    again = bits(run_workers(train, 2, tmp_path, resumed), run)

    assert first["status"] == "stopped"
    assert 20 <= first["steps"] < runs[1][2]
    assert len(runs[1][0]) == 1
    assert runs[2] == runs[3] == runs[4] == again == runs[1]


def test_bits_change_with_the_seed_and_with_the_slices(stripes: Path, tmp_path: Path) -> None:
    hashes = set()
    for i, change in enumerate(("seed: 3", "seed: 4", "seed: 3, threads_per_slice: 1")):
        run = tmp_path / str(i)
        text = MLP.replace("seed: 3", change)
        hashes.add(train(WorkerGroup(), assignment(text, stripes, run))["weights_sha256"])
    other = MLP.replace("slices: 4", "slices: 3")
    hashes.add(train(WorkerGroup(), assignment(other, stripes, tmp_path / "s"))["weights_sha256"])

    assert len(hashes) == 3


def test_fast_sum_learns_the_same_up_to_rounding(stripes: Path, tmp_path: Path) -> None:
    text = MLP.replace("slices: 4", "slices: 4, sum: fast")
    exact = train(WorkerGroup(), assignment(MLP, stripes, tmp_path / "exact"))
    fast = run_workers(train, 2, tmp_path, assignment(text, stripes, tmp_path / "fast"))

    assert fast[0]["weights_sha256"] == fast[1]["weights_sha256"]
    assert fast[0]["metrics"]["test_loss"] == pytest.approx(exact["metrics"]["test_loss"], rel=1e-3)
