"""Groups of parameters by name: as torch's own parameter groups at every step."""

from typing import Any

import pytest
import torch
from torch import Tensor, nn

from distnet.spec.read import read_job_text
from distnet.spec.sections.optimizer import Optimizer
from distnet.train.compute.groups import groups_of
from distnet.train.compute.optimizer import FlatOptimizer
from distnet.train.inventory.flat import FlatNetwork

STEPS_PER_EPOCH, NUM_STEPS = 3, 12
GROUPS = """[{match: "body.0.*", rate: 0.1, frozen_epochs: 2}, {match: "*.bias", weight_decay: 0.0},
             {match: "body.*", rate: 0.5, weight_decay: 0.2}]"""
# By name: the factor of the rate, the decay, the epochs for which it is frozen.
EXPECTED = {
    "body.0.weight": (0.1, 0.3, 2),
    "body.0.bias": (0.1, 0.0, 2),
    "body.1.weight": (0.5, 0.2, 0),
    "body.1.bias": (1.0, 0.0, 0),
    "head.weight": (1.0, 0.3, 0),
    "head.bias": (1.0, 0.0, 0),
}
KINDS: dict[str, tuple[Any, dict[str, Any]]] = {
    "sgd": (torch.optim.SGD, {"momentum": 0.9}),
    "adam": (torch.optim.Adam, {}),
    "adamw": (torch.optim.AdamW, {}),
}


class Network(nn.Module):
    """A body of two layers, and a head."""

    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.body = nn.Sequential(nn.Linear(3, 4), nn.Linear(4, 5))
        self.head = nn.Linear(5, 2)


def optimizer(kind: str, more: str = "") -> Optimizer:
    text = f"{{kind: {kind}, learning_rate: 0.01, weight_decay: 0.3{more}, groups: {GROUPS}}}"
    return read_job_text(f"name: a\nnetwork: {{kind: mlp}}\noptimizer: {text}").job.optimizer


def gradient(shape: torch.Size, step: int, index: int) -> Tensor:
    generator = torch.Generator().manual_seed(100 * step + index)
    return torch.randn(shape, generator=generator)


@pytest.mark.parametrize("kind", KINDS)
def test_each_group_moves_as_torchs_does(kind: str) -> None:
    optimizer_class, options = KINDS[kind]
    spec = optimizer(kind, "".join(f", {name}: {value}" for name, value in options.items()))
    reference, flat = Network(), FlatNetwork(Network())
    named = dict(reference.named_parameters())
    rival = optimizer_class(
        [
            {"params": [named[name]], "lr": 0.01 * rate, "weight_decay": decay}
            for name, (rate, decay, _) in EXPECTED.items()
        ],
        **options,
    )
    mine = FlatOptimizer(
        spec, flat.vector, groups_of(flat.players["network"], spec, STEPS_PER_EPOCH)
    )

    for step in range(NUM_STEPS):
        given = [gradient(p.shape, step, index) for index, p in enumerate(named.values())]
        for (name, parameter), each in zip(named.items(), given, strict=True):
            # What has no gradient is left alone by torch, and its count of updates stands still.
            is_frozen = step < EXPECTED[name][2] * STEPS_PER_EPOCH
            parameter.grad = None if is_frozen else each.clone()
        rival.step()
        mine.update(torch.cat([each.reshape(-1) for each in given]), 0.01, step)
        for name, parameter in flat.network.named_parameters():
            torch.testing.assert_close(
                parameter, named[name], rtol=1e-5, atol=1e-6, msg=f"{name} at step {step}"
            )


def test_lion_moves_groups_by_their_rates() -> None:
    spec, flat = optimizer("lion"), FlatNetwork(Network())
    before = {name: p.clone() for name, p in flat.network.named_parameters()}
    mine = FlatOptimizer(spec, flat.vector, groups_of(flat.players["network"], spec))

    mine.update(torch.ones(flat.num_parameters), 0.01, 2)

    for name, parameter in flat.network.named_parameters():
        rate, decay, _ = EXPECTED[name]
        expected = before[name] - 0.01 * rate * (1 + decay * before[name])
        torch.testing.assert_close(parameter, expected)


def test_a_copy_of_the_state_goes_on_as_the_original() -> None:
    spec, flats = optimizer("adam"), [FlatNetwork(Network()) for _ in range(2)]
    one, other = (
        FlatOptimizer(spec, flat.vector, groups_of(flat.players["network"], spec, 3))
        for flat in flats
    )
    given = [torch.randn(flats[0].num_parameters) for _ in range(NUM_STEPS)]
    for step in range(4):
        one.update(given[step].clone(), 0.01, step)

    flats[1].vector.copy_(flats[0].vector)
    other.num_updates = one.num_updates
    for name, vector in other.state.items():
        vector.copy_(one.state[name])
    for step in range(4, NUM_STEPS):
        one.update(given[step].clone(), 0.01, step)
        other.update(given[step].clone(), 0.01, step)

    assert one.state["frozen_updates"].tolist() == other.state["frozen_updates"].tolist()
    assert sorted(one.state["frozen_updates"].tolist())[-1] == 6
    assert torch.equal(flats[0].vector, flats[1].vector)
