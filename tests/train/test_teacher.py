"""A shadow that takes part in the loss: it computes the same before and after an evaluation."""

from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F

import distnet
from distnet.data.batch import Batch
from distnet.errors import NotReproducibleError
from distnet.spec.metric import Metric
from distnet.tasks.task import Loss, Measured, Networks, Phase, Shadow, Summary
from distnet.train.exchange.worker_group import WorkerGroup
from distnet.train.worker import work
from distnet.trained.evaluate import evaluate
from tests.train import listeners
from tests.train.test_bits import assignment

JOB = f"""
name: taught
network: {{kind: "{__file__}:Student"}}
task: {{kind: "{__file__}:Distil"}}
data: {{source: stripes}}
optimizer: {{kind: adamw, learning_rate: 0.01}}
train: {{epochs: 3, batch_size: 100, slices: 2, seed: 3}}
"""
STEPS_PER_EPOCH = 10


class Student(nn.Module):
    """Computes other numbers in training than in evaluation."""

    def __init__(self) -> None:
        super().__init__()
        self.first, self.norm = nn.Linear(144, 8), nn.BatchNorm1d(8)
        self.drop, self.last = nn.Dropout(0.5), nn.Linear(8, 4)

    def forward(self, x: Tensor) -> Tensor:
        return self.last(self.drop(torch.relu(self.norm(self.first(x.flatten(1))))))


class Distil:
    """The student also learns what its own moving average says."""

    metrics = (Metric("accuracy", "percent", "higher"),)
    shadows: tuple[Shadow, ...] = (Shadow("teacher", decay=0.9),)
    network_arguments = ()

    def __init__(self, data: Any) -> None:
        pass

    def loss(self, networks: Networks, batch: Batch, phase: Phase) -> Loss:
        x, outputs = batch.tensor("x"), networks["network"](batch.tensor("x"))
        losses = F.cross_entropy(outputs, batch.tensor("y").long(), reduction="none")
        with torch.no_grad():
            said = networks["teacher"](x).softmax(1)
        return Loss(losses + F.cross_entropy(outputs, said, reduction="none"))

    def measure(self, networks: Networks, batch: Batch) -> Measured:
        outputs, y = networks["network"](batch.tensor("x")), batch.tensor("y").long()
        losses = F.cross_entropy(outputs, y, reduction="none").double()
        right = (outputs.argmax(1) == y).double()
        return Measured(torch.stack([losses.sum(), right.sum(), right.sum() * 0 + len(y)]), losses)

    def summarise(self, sums: Tensor, collected: Any) -> Summary:
        loss, right, count = sums.tolist()
        return Summary({"loss": loss / count, "accuracy": right / count})

    def predict(self, networks: Networks, batch: Batch) -> list[dict[str, Any]]:
        return [{} for _ in range(len(batch))]


class Restless(Distil):
    """Puts the teacher into training mode, where its statistics move."""

    def loss(self, networks: Networks, batch: Batch, phase: Phase) -> Loss:
        networks["teacher"].train()
        return super().loss(networks, batch, phase)


class Averaged(Distil):
    """Is measured by its moving average."""

    shadows = (Shadow("teacher", decay=0.9, used_by=frozenset({"evaluation"})),)


def test_bits_are_the_same_when_it_is_resumed_after_an_evaluation(
    stripes: Path, tmp_path: Path
) -> None:
    whole = work(assignment(JOB, stripes, tmp_path / "whole"), WorkerGroup())

    run = tmp_path / "stopped"
    stop = listeners.stop_at(STEPS_PER_EPOCH + 3, run / "stop")
    first = work(assignment(JOB, stripes, run), WorkerGroup(), listener=stop)
    (run / "stop").unlink()
    again = work(assignment(JOB, stripes, run, is_resumed=True), WorkerGroup())

    assert STEPS_PER_EPOCH < first["steps"] < 2 * STEPS_PER_EPOCH
    assert again["weights_sha256"] == whole["weights_sha256"]


def test_a_forward_that_moves_statistics_of_a_shadow_is_refused(
    stripes: Path, tmp_path: Path
) -> None:
    text = JOB.replace("Distil", "Restless")

    with pytest.raises(
        NotReproducibleError, match=r"changes the buffer `teacher: norm\..*train\(\)"
    ):
        work(assignment(text, stripes, tmp_path), WorkerGroup())


def test_an_evaluation_afterwards_measures_what_training_measured(
    stripes: Path, tmp_path: Path
) -> None:
    job = tmp_path / "job.yaml"
    text = JOB.replace("Distil", "Averaged").replace("epochs: 3", "steps: 5")
    job.write_text(text.replace("stripes", str(stripes)))

    run = distnet.run(job, inline=True, runs=tmp_path / "runs")

    measured = evaluate(run.folder.path)["metrics"]
    assert measured == pytest.approx({k.removeprefix("test_"): v for k, v in run.metrics.items()})
