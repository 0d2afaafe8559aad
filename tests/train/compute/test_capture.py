"""Captured slices: the bits of the original, or no capture."""

from pathlib import Path

import pytest
import torch
from torch import Tensor
from torch.nn import functional as F

from distnet.data.batch import Batch, Ragged
from distnet.networks.texts.gpt import GPT
from distnet.train.compute.capture import NUM_COMPARED, Capture
from distnet.train.exchange.worker_group import WorkerGroup
from distnet.train.worker import work
from tests.train.test_bits import MLP, assignment, bits


def batch(num: int = 5, seed: int = 0) -> Batch:
    generator = torch.Generator().manual_seed(seed)
    return Batch({"x": torch.randn(num, 3, generator=generator)})


def write(capture: Capture, samples: Batch, length: int) -> Tensor | None:
    out = torch.full((length,), torch.nan)
    return out if capture.write(samples, out) else None


def test_a_replay_follows_the_parameters_and_the_samples() -> None:
    layer = torch.nn.Linear(3, 2)
    parameters = list(layer.parameters())

    def numbers(samples: Batch) -> list[Tensor]:
        loss = layer(samples.tensor("x") * 2).relu().square().sum()
        return [g.reshape(-1) for g in torch.autograd.grad(loss, parameters)] + [
            loss.detach()[None]
        ]

    capture = Capture(numbers)
    for seed in range(2 * NUM_COMPARED):
        found = write(capture, batch(seed=seed), 9)
        assert found is not None
        assert torch.equal(found, torch.cat(numbers(batch(seed=seed))))
        with torch.no_grad():
            layer.weight.add_(0.1)
    assert write(capture, batch(num=7), 9) is not None


def test_a_transformer_is_captured() -> None:
    torch.manual_seed(0)
    network = GPT((6, 5), 5, layers=1, heads=2, width=8)
    parameters = list(network.parameters())

    def numbers(samples: Batch) -> list[Tensor]:
        read = samples.tensor("x")
        loss = F.cross_entropy(network(read).flatten(0, 1), read.flatten())
        return [each.reshape(-1) for each in torch.autograd.grad(loss, parameters)]

    length = sum(p.numel() for p in parameters)
    capture = Capture(numbers)
    for seed in range(NUM_COMPARED + 2):
        read = torch.randint(0, 5, (3, 6), generator=torch.Generator().manual_seed(seed))
        found = write(capture, Batch({"x": read}), length)
        assert found is not None
        assert torch.equal(found, torch.cat(numbers(Batch({"x": read}))))
        with torch.no_grad():
            network.embedding.weight.add_(0.1)


def test_what_draws_random_numbers_is_not_captured() -> None:
    capture = Capture(lambda samples: [torch.dropout(samples.tensor("x"), 0.5, True).reshape(-1)])

    assert write(capture, batch(), 15) is None


def test_what_depends_on_anything_else_is_dropped_at_the_first_difference() -> None:
    calls = []

    def numbers(samples: Batch) -> list[Tensor]:
        calls.append(None)
        return [samples.tensor("x").reshape(-1) * len(calls)]

    capture = Capture(numbers)

    assert write(capture, batch(), 15) is None
    assert write(capture, batch(), 15) is None


def test_what_changes_an_input_is_not_captured() -> None:
    capture = Capture(lambda samples: [samples.tensor("x").mul_(2).reshape(-1)])
    samples = batch()

    assert write(capture, samples, 15) is None


@pytest.mark.parametrize("column", [[torch.ones(2), torch.ones(3)], Ragged.of([torch.ones(2)])])
def test_columns_of_other_forms_are_not_captured(column) -> None:
    capture = Capture(lambda samples: [torch.ones(1)])

    assert write(capture, Batch({"x": column}), 1) is None


@pytest.mark.parametrize("network", ["mlp", "mlp, dropout: 0.5", "mlp, batch_norm: true"])
def test_bits_are_the_same_with_and_without_capture(
    network: str, stripes: Path, tmp_path: Path
) -> None:
    text = MLP.replace("kind: mlp", f"kind: {network}")
    runs = []
    for capture in ("auto", "off"):
        run = tmp_path / capture
        chosen = text.replace("seed: 3", f"seed: 3, capture: {capture}")
        runs.append(bits([work(assignment(chosen, stripes, run), WorkerGroup())], run))

    assert runs[0] == runs[1]
