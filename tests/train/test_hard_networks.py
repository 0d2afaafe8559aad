"""The promise with networks as users write them: any tensors, any buffers, any random numbers.

The networks stand at the end of this file; the jobs name them as a user's own.
"""

import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from distnet.data.batch import Batch
from distnet.data.manifest import read_manifest
from distnet.errors import DistnetError, TrainingError
from distnet.launch.plan import make_plan
from distnet.run_folder.assignment import Assignment
from distnet.spec.read import read_job_text
from distnet.tasks.per_sample import PerSample
from distnet.tasks.targets.classify import Classify
from distnet.train.checkpoint.checkpoint import read_newest
from distnet.train.compute.slice_gradient import SliceGradient
from distnet.train.compute.turn import SliceId, turns_of
from distnet.train.exchange.worker_group import WorkerGroup
from distnet.train.inventory.flat import FlatNetwork
from distnet.train.worker import work
from tests.train.processes import run_workers
from tests.train.test_bits import assignment, bits

JOB = """
name: hard
network: {kind: "FILE:NET"}
data: {source: stripes}
optimizer: {kind: adamw, learning_rate: 0.01}
train: {steps: 40, batch_size: 30, slices: 4, seed: 3}
checkpoint: {every_steps: 7, keep: 100}
"""
NETWORKS = (
    "Tied",
    "Frozen",
    "Constants",
    "CumulativeNorm",
    "Counting",
    "Reassigning",
    "Unsaved",
    "Drawing",
    "Spectral",
    "Strided",
    "Convolving",
    "Recurrent",
    "Embedding",
    "Lazy",
    "TiedByMemory",
    "Wide",
)


def job_text(network: str) -> str:
    return JOB.replace("FILE", __file__).replace("NET", network)


@dataclass(frozen=True)
class Trained:
    """A run by three workers."""

    run: Path
    outcomes: list[dict[str, Any]]

    def bits(self) -> tuple[Any, ...]:
        return bits(self.outcomes, self.run)


@pytest.fixture(scope="module")
def trained(stripes: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Trained]:
    """Runs of all networks, in one set of processes."""
    folder = tmp_path_factory.mktemp("hard")
    assigned = [assignment(job_text(name), stripes, folder / name) for name in NETWORKS]
    outcomes = zip(*run_workers(work_all, 3, folder, assigned), strict=True)
    return {
        name: Trained(folder / name, list(of_workers))
        for name, of_workers in zip(NETWORKS, outcomes, strict=True)
    }


def work_all(group: WorkerGroup, assigned: list[Assignment]) -> list[dict[str, Any]]:
    return [work(each, group) for each in assigned]


@pytest.mark.parametrize("network", NETWORKS)
def test_bits_of_any_network_are_the_same_on_one_and_three_workers(
    network: str, stripes: Path, trained: dict[str, Trained], tmp_path: Path
) -> None:
    alone = work(assignment(job_text(network), stripes, tmp_path), WorkerGroup())

    assert trained[network].bits() == bits([alone], tmp_path)


@pytest.mark.parametrize("network", NETWORKS)
def test_bits_of_any_network_are_the_same_after_a_resume(
    network: str, stripes: Path, trained: dict[str, Trained], tmp_path: Path
) -> None:
    saved = "checkpoints/step-00000021"
    shutil.copytree(trained[network].run / saved, tmp_path / saved)

    resumed = work(assignment(job_text(network), stripes, tmp_path, is_resumed=True), WorkerGroup())

    assert trained[network].bits() == bits([resumed], tmp_path)


def test_constants_of_any_type_keep_their_values(stripes: Path, tmp_path: Path) -> None:
    work(assignment(job_text("Constants"), stripes, tmp_path), WorkerGroup())

    weights = read_newest(tmp_path / "checkpoints").weights
    for name, constant in Constants((1, 12, 12), 4).named_buffers():
        assert torch.equal(weights[name], constant), name


def test_what_changes_while_a_network_is_measured_is_not_saved(
    stripes: Path, tmp_path: Path
) -> None:
    text = job_text("Observing").replace("every_steps: 7", "every_steps: 34")  # an epoch
    whole = work(assignment(text, stripes, tmp_path / "whole"), WorkerGroup())
    saved = "checkpoints/step-00000034"
    shutil.copytree(tmp_path / "whole" / saved, tmp_path / "resumed" / saved)

    resumed = work(assignment(text, stripes, tmp_path / "resumed", is_resumed=True), WorkerGroup())

    assert resumed["weights_sha256"] == whole["weights_sha256"]


@pytest.mark.parametrize("pieces", [2, 3, 4, 5, 9])
def test_gradient_in_pieces_has_all_samples_when_pieces_are_many(
    pieces: int, stripes: Path
) -> None:
    whole, cut = (loss_of_three(stripes, pieces=n) for n in (1, pieces))

    assert cut == pytest.approx(whole, rel=1e-5)


@pytest.mark.parametrize("network", ["Double", "Half", "LazyInside"])
def test_network_of_other_tensors_is_refused_as_a_mistake_of_the_user(
    network: str, stripes: Path, tmp_path: Path
) -> None:
    with pytest.raises(DistnetError, match="network"):
        work(assignment(job_text(network), stripes, tmp_path), WorkerGroup())


def test_network_that_leaves_the_trained_vector_is_refused(stripes: Path, tmp_path: Path) -> None:
    with pytest.raises(TrainingError, match=r"b\.weight"):
        work(assignment(job_text("Replacing"), stripes, tmp_path), WorkerGroup())


def test_networks_that_begin_differently_are_refused(stripes: Path, tmp_path: Path) -> None:
    with pytest.raises(TrainingError, match="differ"):
        run_workers(work_all, 2, tmp_path, [assignment(job_text("Unseeded"), stripes, tmp_path)])


def test_plan_refuses_batch_norm_of_single_samples_in_pieces(stripes: Path) -> None:
    text = job_text("CumulativeNorm").replace("seed: 3", "seed: 3, accumulate: 7")
    file = read_job_text(text.replace("source: stripes", f'source: "{stripes}"'))

    with pytest.raises(DistnetError, match="batch normalisation"):
        make_plan(file)


def loss_of_three(data: Path, *, pieces: int) -> float:
    torch.manual_seed(0)
    flat = FlatNetwork(Plain((1, 12, 12), 4))
    manifest = read_manifest(data)
    task = PerSample(Classify(manifest), manifest)
    networks = {"network": flat.network}
    gradient = SliceGradient(flat, networks, task, lambda b: b, seed=0, pieces=pieces)
    (turn,) = turns_of(task.phases)
    layout = gradient.layout(turn.phase)
    row = torch.zeros(layout.length)
    x = torch.linspace(-1, 1, 3 * 144).view(3, 1, 12, 12)
    gradient.write(row, SliceId(turn, 0, 0), Batch({"x": x, "y": torch.tensor([0, 1, 2])}))
    return float(row[layout.num_parameters])


class Plain(nn.Module):
    """Two layers; what is between them is what others change."""

    def __init__(self, shape: tuple[int, ...], num_outputs: int) -> None:
        super().__init__()
        self.a, self.b = nn.Linear(144, 16), nn.Linear(16, num_outputs)

    def forward(self, x: Tensor) -> Tensor:
        return self.b(self.between(torch.tanh(self.a(x.flatten(1)))))

    def between(self, h: Tensor) -> Tensor:
        return h


class Tied(Plain):
    def __init__(self, shape: tuple[int, ...], num_outputs: int) -> None:
        super().__init__(shape, num_outputs)
        self.c, self.d = nn.Linear(16, 16), nn.Linear(16, 16)
        self.d.weight = self.c.weight

    def between(self, h: Tensor) -> Tensor:
        return self.d(torch.tanh(self.c(h)))


class Frozen(Plain):
    def __init__(self, shape: tuple[int, ...], num_outputs: int) -> None:
        super().__init__(shape, num_outputs)
        self.c, self.unused = nn.Linear(16, 16).requires_grad_(False), nn.Linear(3, 5)
        self.empty, self.one = nn.Parameter(torch.zeros(0, 4)), nn.Parameter(torch.tensor(1.0))

    def between(self, h: Tensor) -> Tensor:
        return self.c(h) * self.one


class Constants(Plain):
    def __init__(self, shape: tuple[int, ...], num_outputs: int) -> None:
        super().__init__(shape, num_outputs)
        self.register_buffer("mask", torch.full((16, 16), float("-inf")).triu(1))
        self.register_buffer("large", torch.tensor([2**40 + 1, 2**24 + 1]))
        self.register_buffer("flags", torch.arange(16) % 3 > 0)
        self.register_buffer("exact", torch.full((16,), 1 / 3, dtype=torch.float64))
        self.register_buffer("turns", torch.polar(torch.ones(8), torch.arange(8.0)))
        self.register_buffer("empty", torch.zeros(0, 3))

    def between(self, h: Tensor) -> Tensor:
        mixed = h @ self.mask.softmax(1) * self.flags + self.exact.float()
        return torch.view_as_real(torch.view_as_complex(mixed.view(-1, 8, 2)) * self.turns).flatten(
            1
        )


class CumulativeNorm(Plain):
    def __init__(self, shape: tuple[int, ...], num_outputs: int) -> None:
        super().__init__(shape, num_outputs)
        self.norm = nn.BatchNorm1d(16, momentum=None)

    def between(self, h: Tensor) -> Tensor:
        return self.norm(h)


class Counting(Plain):
    """Counts samples, of which not all slices have the same number."""

    def __init__(self, shape: tuple[int, ...], num_outputs: int) -> None:
        super().__init__(shape, num_outputs)
        self.register_buffer("seen", torch.tensor(0))

    def between(self, h: Tensor) -> Tensor:
        if self.training:
            self.seen += len(h)
        return h / (1 + self.seen / 1000)


class Observing(Counting):
    """Counts the samples that it is measured on, too."""

    def between(self, h: Tensor) -> Tensor:
        self.seen += len(h)
        return h / (1 + self.seen / 1000)


class Reassigning(Plain):
    """Replaces its buffer by a new tensor."""

    def __init__(self, shape: tuple[int, ...], num_outputs: int) -> None:
        super().__init__(shape, num_outputs)
        self.register_buffer("running", torch.zeros(16))

    def between(self, h: Tensor) -> Tensor:
        if self.training:
            self.running = 0.9 * self.running + 0.1 * h.detach().mean(0)
        return h - self.running


class Unsaved(Plain):
    """Has a running buffer that is no part of its state_dict."""

    def __init__(self, shape: tuple[int, ...], num_outputs: int) -> None:
        super().__init__(shape, num_outputs)
        self.register_buffer("running", torch.zeros(16), persistent=False)

    def between(self, h: Tensor) -> Tensor:
        if self.training:
            self.running.mul_(0.9).add_(0.1 * h.detach().mean(0))
        return h - self.running


class Drawing(Plain):
    """Draws random numbers when it is evaluated, too."""

    def between(self, h: Tensor) -> Tensor:
        return F.dropout(h, 0.3) + 0.1 * torch.rand_like(h)


class Spectral(Plain):
    def __init__(self, shape: tuple[int, ...], num_outputs: int) -> None:
        super().__init__(shape, num_outputs)
        self.c = nn.utils.parametrizations.spectral_norm(nn.Linear(16, 16))
        self.d = nn.utils.parametrizations.weight_norm(nn.Linear(16, 16))

    def between(self, h: Tensor) -> Tensor:
        return self.d(self.c(h))


class Strided(Plain):
    def __init__(self, shape: tuple[int, ...], num_outputs: int) -> None:
        super().__init__(shape, num_outputs)
        self.w = nn.Parameter(torch.randn(16, 32).t()[::2])
        self.c = nn.Conv2d(1, 3, 3).to(memory_format=torch.channels_last)

    def between(self, h: Tensor) -> Tensor:
        return h @ self.w.reshape(16, 16) + self.c(h.view(-1, 1, 4, 4)).mean((1, 2, 3))[:, None]


class Convolving(nn.Module):
    def __init__(self, shape: tuple[int, ...], num_outputs: int) -> None:
        super().__init__()
        self.c, self.t = nn.Conv2d(1, 4, 3), nn.ConvTranspose2d(4, 2, 3)
        self.norm = nn.InstanceNorm2d(4, affine=True, track_running_stats=True)
        self.out = nn.Linear(288, num_outputs)

    def forward(self, x: Tensor) -> Tensor:
        return self.out(self.t(self.norm(self.c(x))).relu().flatten(1))


class Recurrent(nn.Module):
    def __init__(self, shape: tuple[int, ...], num_outputs: int) -> None:
        super().__init__()
        self.lstm = nn.LSTM(12, 8, 2, batch_first=True, dropout=0.2, bidirectional=True)
        self.out = nn.Linear(16, num_outputs)

    def forward(self, x: Tensor) -> Tensor:
        self.lstm.flatten_parameters()
        return self.out(self.lstm(x[:, 0])[0][:, -1])


class Embedding(nn.Module):
    def __init__(self, shape: tuple[int, ...], num_outputs: int) -> None:
        super().__init__()
        self.embedding, self.bag = nn.Embedding(256, 4), nn.EmbeddingBag(256, 8)
        self.out = nn.Linear(144 * 4 + 8, num_outputs)

    def forward(self, x: Tensor) -> Tensor:
        tokens = (x * 60 + 100).long().clamp(0, 255).flatten(1)
        return self.out(torch.cat([self.embedding(tokens).flatten(1), self.bag(tokens)], 1))


class Double(Plain):
    def __init__(self, shape: tuple[int, ...], num_outputs: int) -> None:
        super().__init__(shape, num_outputs)
        self.double()

    def forward(self, x: Tensor) -> Tensor:
        return super().forward(x.double())


class Half(Plain):
    def __init__(self, shape: tuple[int, ...], num_outputs: int) -> None:
        super().__init__(shape, num_outputs)
        self.bfloat16()

    def forward(self, x: Tensor) -> Tensor:
        return super().forward(x.bfloat16())


class Lazy(nn.Module):
    def __init__(self, shape: tuple[int, ...], num_outputs: int) -> None:
        super().__init__()
        self.out = nn.LazyLinear(num_outputs)

    def forward(self, x: Tensor) -> Tensor:
        return self.out(x.flatten(1))


class LazyInside(Plain):
    """Has a lazy layer that its forward does not reach."""

    def __init__(self, shape: tuple[int, ...], num_outputs: int) -> None:
        super().__init__(shape, num_outputs)
        self.c = nn.LazyLinear(3)


class TiedByMemory(Plain):
    """Has one memory in two parameters, as autoencoders are tied in many answers."""

    def __init__(self, shape: tuple[int, ...], num_outputs: int) -> None:
        super().__init__(shape, num_outputs)
        self.c, self.d = nn.Linear(16, 8), nn.Linear(8, 16)
        self.d.weight.data = self.c.weight.data.t()

    def between(self, h: Tensor) -> Tensor:
        return self.d(torch.tanh(self.c(h)))


class Wide(Plain):
    """Has buffers that change by more than fp32 holds."""

    def __init__(self, shape: tuple[int, ...], num_outputs: int) -> None:
        super().__init__(shape, num_outputs)
        self.register_buffer("running", torch.zeros(16, dtype=torch.float64))
        self.register_buffer("seen", torch.tensor(0))

    def between(self, h: Tensor) -> Tensor:
        if self.training:
            self.running.mul_(0.9).add_(0.1 * h.detach().double().mean(0))
            self.seen += 2**30 + len(h)
        return h - self.running.float()


class Replacing(Plain):
    """Clips its weights as is often written: by replacing them."""

    def between(self, h: Tensor) -> Tensor:
        self.b.weight.data = self.b.weight.data.clamp(-0.1, 0.1)
        return h


class Unseeded(Plain):
    """Begins with weights that torch's seed does not decide."""

    def __init__(self, shape: tuple[int, ...], num_outputs: int) -> None:
        super().__init__(shape, num_outputs)
        weight = np.random.default_rng().standard_normal((16, 144)) / 12
        self.a.weight.data.copy_(torch.from_numpy(weight))
