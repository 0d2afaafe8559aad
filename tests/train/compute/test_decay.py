"""Which parameters weight decay applies to: as torch does with the same groups."""

from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn

from distnet.errors import JobFileError
from distnet.launch.run import run
from distnet.spec.read import read_job_text
from distnet.train.checkpoint.checkpoint import read_newest
from distnet.train.checkpoint.identity import identity
from distnet.train.compute.groups import groups_of
from distnet.train.compute.optimizer import FlatOptimizer
from distnet.train.inventory.flat import FlatNetwork

RULES: dict[str, tuple[str, set[str]]] = {
    "by default, parameters of two or more dimensions": ("", {"position", "scale", "last.weight"}),
    "all of them": (", decay: all", {"position", "scale", "norm.weight", "norm.bias"}),
    "not those that are named": (", no_decay: [position, sc*]", {"last.weight"}),
    "all but some": (", decay: all, no_decay: ['*.bias']", {"position", "scale", "norm.weight"}),
}
KINDS = {
    "sgd": (torch.optim.SGD, {"momentum": 0.9}),
    "adam": (torch.optim.Adam, {}),
    "adamw": (torch.optim.AdamW, {}),
}
JOB = """
name: decaying
network: {kind: "FILE:Unused"}
data: {source: "DATA"}
optimizer: {kind: adamw, learning_rate: 0.1, weight_decay: 0.5MORE}
train: {steps: 2}
"""


class Positions(nn.Module):
    """Has parameters whose number of dimensions says nothing about their use."""

    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.position, self.scale = (
            nn.Parameter(torch.randn(1, 3, 4)),
            nn.Parameter(torch.ones(4, 1, 1)),
        )
        self.norm, self.last = nn.LayerNorm(4), nn.Linear(4, 2, bias=False)


class Unused(nn.Module):
    """Has parameters without a gradient, so that nothing but decay moves them."""

    def __init__(self, shape: tuple[int, ...], num_outputs: int) -> None:
        super().__init__()
        self.out = nn.Linear(144, num_outputs)
        self.position, self.scale = nn.Parameter(torch.ones(1, 3, 4)), nn.Parameter(torch.ones(4))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.out(x.flatten(1))


@pytest.mark.parametrize("rule", RULES)
@pytest.mark.parametrize("kind", KINDS)
def test_weight_decay_does_what_torchs_does_with_the_same_groups(kind: str, rule: str) -> None:
    keys, decayed = RULES[rule]
    optimizer_class, options = KINDS[kind]
    extra = "".join(f", {name}: {value}" for name, value in options.items())
    text = f"{{kind: {kind}, learning_rate: 0.01, weight_decay: 0.3{extra}{keys}}}"
    spec = read_job_text(f"name: a\nnetwork: {{kind: mlp}}\noptimizer: {text}").job.optimizer
    reference, flat = Positions(), FlatNetwork(Positions())
    decayed = decayed | ({"last.weight"} if "all" in rule else set())
    named = dict(reference.named_parameters())
    groups: list[dict[str, Any]] = [
        {"params": [named[name] for name in sorted(decayed)], "weight_decay": 0.3},
        {"params": [p for name, p in named.items() if name not in decayed], "weight_decay": 0.0},
    ]
    rival = optimizer_class(groups, lr=0.01, **options)
    player = flat.players["network"]
    mine = FlatOptimizer(spec, player.vector, groups_of(player, spec))

    for step in range(5):
        generator = torch.Generator().manual_seed(step)
        for parameter in named.values():
            parameter.grad = torch.randn(parameter.shape, generator=generator)
        rival.step()
        mine.update(torch.cat([p.grad.reshape(-1) for p in named.values()]), 0.01, step)

    for name, parameter in flat.network.named_parameters():
        torch.testing.assert_close(parameter, named[name], rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize(
    ("more", "moved"),
    [
        ("", {"position": True, "scale": False}),
        (", decay: all", {"position": True, "scale": True}),
        (", no_decay: [pos*]", {"position": False, "scale": False}),
    ],
)
def test_the_job_file_says_what_decays(
    more: str, moved: dict[str, bool], stripes: Path, tmp_path: Path
) -> None:
    job = tmp_path / "job.yaml"
    job.write_text(text(more, stripes))

    path = run(job, inline=True, runs=tmp_path / "runs").folder.path

    weights = read_newest(path / "checkpoints").weights
    assert {name: bool((weights[name] < 1).all()) for name in moved} == moved


def test_a_pattern_that_names_no_parameter_is_a_fault(stripes: Path, tmp_path: Path) -> None:
    job = tmp_path / "job.yaml"
    job.write_text(text(", no_decay: [positions]", stripes))

    with pytest.raises(
        JobFileError, match=r"job\.yaml:5 optimizer\.no_decay: found positions.*position"
    ):
        run(job, inline=True, runs=tmp_path / "runs")


def test_a_job_without_these_keys_is_the_same_as_before_there_were_any() -> None:
    job = read_job_text(
        "name: a\nnetwork: {kind: mlp}\nplayers: {d: {optimizer: {kind: lion}}}"
    ).job

    assert identity(job, None)["job_sha256"] == (
        "197896506f9b936f9c086052ad38eafd24fc7260edd34e7a2ca23020f02c729b"
    )


def text(more: str, data: Path) -> str:
    return JOB.replace("FILE", __file__).replace("DATA", str(data)).replace("MORE", more)
