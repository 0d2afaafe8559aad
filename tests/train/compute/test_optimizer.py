"""Flat optimizers against torch's own, schedules against their definitions."""

from typing import Any

import pytest
import torch
from torch import Tensor, nn

from distnet.spec.read import read_job_text
from distnet.spec.sections.optimizer import Adam, AdamW, Lion, Optimizer, Sgd
from distnet.spec.sections.schedule import Constant, Cosine, OneCycle, Step
from distnet.train.compute.groups import MovedGroup, groups_of
from distnet.train.compute.optimizer import FlatOptimizer, clip
from distnet.train.compute.schedule import rate_factor
from distnet.train.inventory.flat import FlatNetwork


def network() -> nn.Module:
    torch.manual_seed(0)
    return nn.Sequential(nn.Linear(5, 4), nn.Tanh(), nn.Linear(4, 2))


def gradients(net: nn.Module, step: int) -> list[Tensor]:
    generator = torch.Generator().manual_seed(step)
    return [torch.randn(p.shape, generator=generator) for p in net.parameters()]


def theirs(net: nn.Module, spec: Optimizer) -> torch.optim.Optimizer:
    decay = getattr(spec, "weight_decay", 0.0)
    weights = [p for p in net.parameters() if p.ndim > 1]
    others = [p for p in net.parameters() if p.ndim <= 1]
    groups = [{"params": weights, "weight_decay": decay}, {"params": others, "weight_decay": 0.0}]
    match spec:
        case Sgd():
            return torch.optim.SGD(
                groups, spec.learning_rate, momentum=spec.momentum, nesterov=spec.nesterov
            )
        case Adam():
            return torch.optim.Adam(groups, spec.learning_rate, betas=spec.betas, eps=spec.epsilon)
        case AdamW():
            return torch.optim.AdamW(groups, spec.learning_rate, betas=spec.betas, eps=spec.epsilon)
        case _:
            raise AssertionError(spec)


@pytest.mark.parametrize(
    "spec",
    [
        Sgd(kind="sgd", learning_rate=0.1),
        Sgd(kind="sgd", learning_rate=0.1, momentum=0.9, weight_decay=0.01),
        Sgd(kind="sgd", learning_rate=0.1, momentum=0.9, nesterov=True, weight_decay=0.01),
        Sgd(kind="sgd", learning_rate=1.0, momentum=0.999, weight_decay=0.5),
        Adam(kind="adam", learning_rate=0.01, weight_decay=0.02),
        Adam(kind="adam", learning_rate=1.0, betas=(0.0, 0.0), epsilon=1e-3),
        Adam(kind="adam", learning_rate=0.01, betas=(0.999, 0.9999), epsilon=1e-16),
        AdamW(kind="adamw", learning_rate=0.01, weight_decay=0.02),
        AdamW(kind="adamw", learning_rate=0.5, weight_decay=0.9, betas=(0.0, 0.999)),
        AdamW(kind="adamw", learning_rate=0.01, weight_decay=0.0),
    ],
    ids=str,
)
def test_optimizer_does_what_torchs_does(spec: Optimizer) -> None:
    reference = network()
    rival = theirs(reference, spec)
    flat = FlatNetwork(network())
    optimizer = FlatOptimizer(spec, flat.vector, groups_of(flat.players["network"], spec))

    for step in range(1, 51):
        given = gradients(reference, step)
        for parameter, gradient in zip(reference.parameters(), given, strict=True):
            parameter.grad = gradient.clone()
        rival.step()
        whole = torch.cat([g.reshape(-1) for g in given])
        optimizer.update(whole, spec.learning_rate, step)

    for mine, other in zip(flat.network.parameters(), reference.parameters(), strict=True):
        torch.testing.assert_close(mine, other, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("kind", ["sgd", "adam", "adamw"])
def test_its_bits_are_those_of_torchs_fused_optimizer_on_one_vector(kind: str) -> None:
    text = f"{{kind: {kind}, learning_rate: 0.01, weight_decay: 0.1, decay: all}}"
    spec = read_job_text(f"name: a\nnetwork: {{kind: mlp}}\noptimizer: {text}").job.optimizer
    classes: dict[str, Any] = {
        "sgd": torch.optim.SGD,
        "adam": torch.optim.Adam,
        "adamw": torch.optim.AdamW,
    }
    vector = torch.randn(10_007, generator=torch.Generator().manual_seed(0))
    theirs = nn.Parameter(vector.clone())
    rival = classes[kind]([theirs], lr=0.01, weight_decay=0.1, fused=True)
    optimizer = FlatOptimizer(spec, vector, [MovedGroup([slice(None)], 0.1)])

    for step in range(50):
        theirs.grad = torch.randn(10_007, generator=torch.Generator().manual_seed(step))
        optimizer.update(theirs.grad.clone(), 0.01, step)
        rival.step()

    assert vector.equal(theirs.detach())


def test_lion_steps_by_the_learning_rate_along_signs() -> None:
    flat = FlatNetwork(network())
    before = flat.vector.clone()
    spec = Lion(kind="lion")
    optimizer = FlatOptimizer(spec, flat.vector, groups_of(flat.players["network"], spec))
    gradient = torch.randn(flat.num_parameters, generator=torch.Generator().manual_seed(1))

    optimizer.update(gradient, 0.01, 0)

    torch.testing.assert_close(flat.vector, before - 0.01 * gradient.sign())
    torch.testing.assert_close(optimizer.state["momentum"], 0.01 * gradient)


def test_clip_shortens_only_what_is_longer() -> None:
    gradient = torch.tensor([3.0, 4.0])

    clip(gradient, 5.0, None)
    clip(gradient, 5.0, 6.0)
    assert gradient.tolist() == [3.0, 4.0]

    clip(gradient, 5.0, 1.0)
    torch.testing.assert_close(gradient, torch.tensor([0.6, 0.8]))


def test_schedules_have_their_shapes() -> None:
    cosine = Cosine(kind="cosine", warmup=0.1, final=0.1)
    cycle = OneCycle(kind="one-cycle", peak=0.25, first=0.1, final=0.01)
    stairs = Step(kind="step", every=0.5, factor=0.1)

    assert [rate_factor(Constant(), step, 4) for step in range(4)] == [1.0] * 4
    assert rate_factor(Constant(warmup=0.5), 0, 8) == 0.25
    assert rate_factor(cosine, 0, 100) == pytest.approx(0.1)
    assert rate_factor(cosine, 10, 100) == pytest.approx(1.0)
    assert rate_factor(cosine, 55, 100) == pytest.approx(0.55)
    assert rate_factor(cosine, 99, 100) == pytest.approx(0.1, abs=0.001)
    assert rate_factor(cycle, 0, 100) == pytest.approx(0.1)
    assert rate_factor(cycle, 24, 100) == pytest.approx(1.0)
    assert rate_factor(cycle, 99, 100) == pytest.approx(0.01)
    assert [rate_factor(stairs, step, 4) for step in range(4)] == pytest.approx([1, 1, 0.1, 0.1])
