"""A step of several phases moves all of its players, or none; one without weight moves none."""

import json
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from distnet.data.batch import Batch
from distnet.errors import NonFiniteError
from distnet.launch.poison import samples_of_step
from distnet.spec.metric import Metric
from distnet.spec.read import read_job_text
from distnet.tasks.task import Loss, Measured, Networks, Phase, Shadow, Summary
from distnet.train.checkpoint.checkpoint import read_checkpoint
from distnet.train.exchange.worker_group import WorkerGroup
from distnet.train.worker import work
from tests.train import troubled
from tests.train.test_bits import assignment

BAD = 5
JOB = f"""
name: phases
network: {{kind: "{__file__}:Two"}}
task: {{kind: "{__file__}:TASK"}}
data: {{source: marked}}
optimizer: {{kind: adam, learning_rate: 0.01}}
train: {{steps: 8, batch_size: 30, slices: 2, seed: 3, on_nonfinite: MODE}}
checkpoint: {{every_steps: 1, keep: 100}}
"""


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Data with one marked sample, which step BAD uses."""
    folder = tmp_path_factory.mktemp("phases")
    job = read_job_text(JOB.replace("TASK", "Sick").replace("MODE", "skip")).job
    plain = troubled.write_marked(folder / "plain", [])
    marked = samples_of_step(job, plain, BAD)[1][2]
    return troubled.write_marked(folder / "data", [marked])


def run(task: str, mode: str, data: Path, folder: Path) -> list[dict[str, Any]]:
    text = JOB.replace("TASK", task).replace("MODE", mode)
    work(assignment(text, data, folder), WorkerGroup())
    return [json.loads(line) for line in (folder / "metrics.jsonl").read_text().splitlines()]


def vectors(folder: Path, step: int) -> dict[str, Tensor]:
    state = read_checkpoint(folder / "checkpoints", f"step-{step:08d}")
    return {**state.weights, **state.optimizer}


def same(first: dict[str, Tensor], second: dict[str, Tensor]) -> set[str]:
    return {name for name in first if torch.equal(first[name], second[name])}


def test_a_second_phase_that_is_not_finite_takes_the_first_back(data: Path, tmp_path: Path) -> None:
    records = run("Sick", "skip", data, tmp_path)

    (skip,) = (record for record in records if record["kind"] == "skip")
    assert (skip["step"], skip["reason"]) == (BAD, "the loss is NaN")
    before, after, later = (vectors(tmp_path, step) for step in (BAD - 1, BAD, BAD + 1))
    assert same(before, after) == set(before)
    assert not {"first.weight", "second.weight", "shadow/slow/first.weight"} & same(after, later)


def test_a_second_phase_that_is_not_finite_ends_the_run_by_default(
    data: Path, tmp_path: Path
) -> None:
    with pytest.raises(NonFiniteError, match=f"step {BAD} .epoch 1.: the loss is NaN"):
        run("Sick", "stop", data, tmp_path)


def test_a_phase_without_weight_moves_no_player(data: Path, tmp_path: Path) -> None:
    records = run("Idle", "stop", data, tmp_path)

    first, last = vectors(tmp_path, 1), vectors(tmp_path, 8)
    assert {"second.weight", "second/mean"} <= same(first, last)
    assert "first.weight" not in same(first, last)
    steps = [record for record in records if record["kind"] == "step"]
    assert all("a_loss" in step and "b_loss" not in step for step in steps)


def test_a_phase_that_only_the_phase_before_breaks_names_its_samples(
    data: Path, tmp_path: Path
) -> None:
    records = run("Follower", "skip", data, tmp_path)

    (skip,) = (record for record in records if record["kind"] == "skip")
    assert (skip["step"], skip["slice"], skip["num_samples"]) == (BAD, 1, 1)


class Two(nn.Module):
    """A layer for each player."""

    def __init__(self, num_pixels: int) -> None:
        super().__init__()
        self.first, self.second = nn.Linear(num_pixels, 1), nn.Linear(num_pixels, 1)


class Sick:
    """The second phase is not finite where a sample is marked."""

    metrics = (Metric("size"),)
    players = {"first": "first.*", "second": "second.*"}
    phases = (Phase("a", player="first"), Phase("b", player="second", batch="same"))
    shadows = (Shadow("slow", decay=0.5),)

    def __init__(self, data: Any) -> None:
        self.network_arguments = (144,)

    def loss(self, networks: Networks, batch: Batch, phase: Phase) -> Loss:
        layer = networks["network"].first if phase.name == "a" else networks["network"].second
        losses = layer(batch.tensor("x").flatten(1)).square()[:, 0]
        return self.changed(losses, batch.tensor("x")[:, 0, 0, 0] > 2.0, phase)

    def changed(self, losses: Tensor, is_marked: Tensor, phase: Phase) -> Loss:
        return Loss(torch.where(is_marked & (phase.name == "b"), torch.nan, losses))

    def measure(self, networks: Networks, batch: Batch) -> Measured:
        size = networks["network"].first(batch.tensor("x").flatten(1))[:, 0].abs().double()
        return Measured(torch.stack([size.sum(), torch.tensor(len(size))]), size)

    def summarise(self, sums: Tensor, collected: Any) -> Summary:
        mean = float(sums[0] / sums[1])
        return Summary({"loss": mean, "size": mean})

    def predict(self, networks: Networks, batch: Batch) -> list[dict[str, Any]]:
        return [{} for _ in range(len(batch))]


class Idle(Sick):
    """No sample of the second phase has any weight."""

    def changed(self, losses: Tensor, is_marked: Tensor, phase: Phase) -> Loss:
        return Loss(losses, torch.zeros_like(losses) if phase.name == "b" else None)


class Follower(Sick):
    """The second phase is not finite where the first has moved its layer."""

    def loss(self, networks: Networks, batch: Batch, phase: Phase) -> Loss:
        weight = networks["network"].first.weight
        if phase.name == "a":
            self.before = weight.detach().clone()
        self.is_moved = not torch.equal(self.before, weight)
        return super().loss(networks, batch, phase)

    def changed(self, losses: Tensor, is_marked: Tensor, phase: Phase) -> Loss:
        return Loss(torch.where(is_marked & self.is_moved, torch.nan, losses))
