"""Players, phases and skipped steps against a plain loop with torch's optimizers and schedulers.

Four players with an optimizer each: one is moved twice a step, one in every second step, and one
sees a sample whose loss is NaN, so that its step moves none of them. The loop below takes the
samples and the loss from distnet, and everything else from torch.
"""

import copy
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn, optim
from torch.optim import lr_scheduler

from distnet.data.batch import Batch
from distnet.launch.poison import samples_of_step
from distnet.spec.metric import Metric
from distnet.spec.read import read_job_text
from distnet.tasks.task import Loss, Measured, Networks, Phase, Summary
from distnet.train.checkpoint.checkpoint import read_newest
from distnet.train.compute.trainee import Trainee, build
from distnet.train.compute.turn import SliceId
from distnet.train.exchange.worker_group import WorkerGroup
from distnet.train.worker import work
from tests.train import troubled
from tests.train.test_bits import assignment

STEPS = 20
BAD = (5, 6)
JOB = f"""
name: four
network: {{kind: "{__file__}:Four"}}
task: {{kind: "{__file__}:Moved"}}
data: {{source: marked}}
players:
  a:
    optimizer: {{kind: sgd, learning_rate: 0.05, momentum: 0.9, nesterov: true, weight_decay: 0.01}}
    schedule: {{kind: cosine, final: 0.1}}
    clip: 0.5
  b:
    optimizer: {{kind: adam, learning_rate: 0.02, weight_decay: 0.01}}
    schedule: {{kind: step, every: 0.25, factor: 0.5}}
  c:
    optimizer: {{kind: adamw, learning_rate: 0.02, betas: [0.8, 0.9], weight_decay: 0.1}}
    schedule: {{kind: constant, warmup: 0.5}}
  d:
    optimizer: {{kind: lion, learning_rate: 0.01, weight_decay: 0.1}}
train: {{steps: {STEPS}, batch_size: 30, slices: 2, seed: 3, on_nonfinite: skip}}
checkpoint: {{every_steps: 5}}
"""


class Four(nn.Module):
    """A layer for each player."""

    def __init__(self, num_pixels: int) -> None:
        super().__init__()
        for name in "abcd":
            self.add_module(name, nn.Linear(num_pixels, 1))


class Moved:
    """Each phase moves one layer; the last is not finite where a sample is marked."""

    metrics = (Metric("size"),)
    players = {name: f"{name}.*" for name in "abcd"}
    phases = (
        Phase("a", player="a", repeat=2),
        Phase("b", player="b", batch="same"),
        Phase("c", player="c", batch="same", every=2),
        Phase("d", player="d", batch="same"),
    )

    def __init__(self, data: Any) -> None:
        self.network_arguments = (144,)

    def loss(self, networks: Networks, batch: Batch, phase: Phase) -> Loss:
        x = batch.tensor("x")
        layer = getattr(networks["network"], phase.name)
        losses = (layer(x.flatten(1))[:, 0] - batch.tensor("y")).square()
        is_bad = (x[:, 0, 0, 0] > 2.0) & (phase.name == "d")
        return Loss(torch.where(is_bad, torch.nan, losses))

    def measure(self, networks: Networks, batch: Batch) -> Measured:
        size = networks["network"].a(batch.tensor("x").flatten(1))[:, 0].abs().double()
        return Measured(torch.stack([size.sum(), torch.tensor(len(size))]), size)

    def summarise(self, sums: Tensor, collected: Any) -> Summary:
        mean = float(sums[0] / sums[1])
        return Summary({"loss": mean, "size": mean})

    def predict(self, networks: Networks, batch: Batch) -> list[dict[str, Any]]:
        return [{} for _ in range(len(batch))]


class Lion(optim.Optimizer):
    """Chen et al. 2023, "Symbolic Discovery of Optimization Algorithms", program 1."""

    def __init__(self, groups: Any, lr: float) -> None:
        super().__init__(groups, {"lr": lr, "betas": (0.9, 0.99)})

    @torch.no_grad()
    def step(self, closure: Any = None) -> None:
        for group in self.param_groups:
            first, second = group["betas"]
            for weight in group["params"]:
                state = self.state[weight]
                m = state.setdefault("m", torch.zeros_like(weight))
                update = (first * m + (1 - first) * weight.grad).sign()
                weight.sub_(group["lr"] * (update + group["weight_decay"] * weight))
                m.copy_(second * m + (1 - second) * weight.grad)


Rivals = dict[str, tuple[optim.Optimizer, lr_scheduler.LRScheduler]]


def rivals(network: nn.Module) -> Rivals:
    def groups(name: str, decay: float) -> list[dict[str, Any]]:
        layer = getattr(network, name)
        plain = {"params": [layer.bias], "weight_decay": 0.0}
        return [{"params": [layer.weight], "weight_decay": decay}, plain]

    a = optim.SGD(groups("a", 0.01), 0.05, momentum=0.9, nesterov=True)
    b = optim.Adam(groups("b", 0.01), 0.02)
    c = optim.AdamW(groups("c", 0.1), 0.02, betas=(0.8, 0.9))
    d = Lion(groups("d", 0.1), 0.01)
    return {
        "a": (a, lr_scheduler.CosineAnnealingLR(a, STEPS, eta_min=0.005)),
        "b": (b, lr_scheduler.StepLR(b, STEPS // 4, gamma=0.5)),
        "c": (c, lr_scheduler.LinearLR(c, 2 / STEPS, total_iters=STEPS // 2 - 1)),
        "d": (d, lr_scheduler.ConstantLR(d, factor=1.0)),
    }


def plain_loop(trainee: Trainee) -> dict[str, int]:
    """Train the network of `trainee` as one would by hand; returns the updates of each player."""
    network, moved = trainee.flat.network, rivals(trainee.flat.network)
    updates = dict.fromkeys(moved, 0)
    for step in range(STEPS):
        parts = {"network": network, **{name: each for name, (each, _) in moved.items()}}
        before = copy.deepcopy({name: part.state_dict() for name, part in parts.items()})
        turns = trainee.turns_at(step)
        if all(update(trainee, SliceId(turn, step, 0), moved) for turn in turns):
            for turn in turns:
                updates[turn.phase.player] += 1
        else:
            for name, part in parts.items():
                part.load_state_dict(before[name])
        for _, scheduler in moved.values():
            scheduler.step()
    return updates


def update(trainee: Trainee, of: SliceId, moved: Rivals) -> bool:
    """Make one update of one player; returns whether its loss was finite."""
    phase, network = of.turn.phase, trainee.flat.network
    optimizer, _ = moved[phase.player]
    first, second = (trainee.feed.take(of.step, i, of.turn.draw, trainee.networks) for i in (0, 1))
    batch = trainee.gradient.prepared(of, first.joined(second))
    loss = trainee.task.loss({"network": network}, batch, phase).values.mean()
    optimizer.zero_grad()
    loss.backward()
    if phase.player == "a":
        nn.utils.clip_grad_norm_(network.get_submodule("a").parameters(), 0.5)
    if loss.isfinite():
        optimizer.step()
    return bool(loss.isfinite())


@pytest.mark.filterwarnings("ignore::UserWarning")
def test_many_steps_are_those_of_torch(tmp_path: Path) -> None:
    job = read_job_text(JOB).job
    plain = troubled.write_marked(tmp_path / "plain", [])
    # The last samples of a slice belong to the last draw, which is that of phase d.
    marked = [samples_of_step(job, plain, step)[1][-1] for step in BAD]
    run = assignment(JOB, troubled.write_marked(tmp_path / "data", marked), tmp_path)
    work(run, WorkerGroup())

    trainee = build(run.job, run.dataset_folder, tmp_path, WorkerGroup(), "fp32")
    updates = plain_loop(trainee)

    state = read_newest(tmp_path / "checkpoints")
    assert state.facts["updates"] == updates
    assert updates["a"] == 2 * updates["b"] > 2 * updates["c"] > 0
    assert updates["b"] < STEPS - len(BAD)  # the samples come again in later epochs
    for name, weight in trainee.flat.network.named_parameters():
        torch.testing.assert_close(state.weights[name], weight.detach(), rtol=1e-4, atol=1e-5)
