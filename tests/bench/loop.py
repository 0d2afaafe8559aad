"""Speed of the loop on one worker against a hand-written tensor loop, on the same work.

    python -m tests.bench.loop [--turns 5] [--json]

Network 784-16-16-10, batch 64, SGD with momentum, one process, one thread. Both sides hold the
samples in memory as tensors, shuffle them, and train the same network from the same weights; the
rival has neither a DataLoader nor torch.optim, whose overhead would be in our favour: float inputs
scaled beforehand, autograd, weights and momentum in one flat vector. The sides take turns of a few
hundred steps, and the ratio is taken turn by turn, so the drift of the machine falls out.
"""

import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import torch
from torch import nn
from torch.nn.functional import cross_entropy

from distnet.data.shipped import find_dataset
from distnet.run_folder.workers.heartbeat import Heartbeat
from distnet.spec.read import read_job_text
from distnet.train.checkpoint.position import Position
from distnet.train.compute.trainee import Trainee, build
from distnet.train.exchange.worker_group import WorkerGroup
from distnet.train.loop import Loop
from tests.bench.turns import print_measured

SAMPLES, STEPS, RATE, MOMENTUM = 64, 400, 0.05, 0.9
JOB = f"""
name: bench
network: {{kind: mlp, hidden: [16, 16]}}
optimizer: {{kind: sgd, learning_rate: {RATE}, momentum: {MOMENTUM}}}
train: {{epochs: 1000, batch_size: {SAMPLES}, slices: 1}}
"""


def build_ours() -> tuple[Trainee, Loop]:
    """The loop of a worker, without the records that rank 0 writes."""
    folder = Path(tempfile.mkdtemp())
    dataset = find_dataset("mnist", folder=Path())
    trainee = build(read_job_text(JOB).job, dataset, Path(), WorkerGroup(), "fp32")
    heartbeat = Heartbeat(folder / "beat", attempt=1, after_s=600, log=folder / "log")
    loop = Loop(trainee, WorkerGroup(), Position(), heartbeat)
    heartbeat.begin(0)
    return trainee, loop


def build_rival(trainee: Trainee) -> Callable[[], None]:
    """One step of the hand-written loop, on the same samples."""
    steps = range(trainee.feed.steps_per_epoch - 1)
    samples = [trainee.feed.take(step, 0, 0, trainee.networks) for step in steps]
    x = torch.cat([trainee.gradient.prepare(each).tensor("x") for each in samples]).flatten(1)
    y = torch.cat([each.tensor("y") for each in samples])
    num_samples = len(x)
    layers = [nn.Linear(784, 16), nn.ReLU(), nn.Linear(16, 16), nn.ReLU(), nn.Linear(16, 10)]
    network = nn.Sequential(*layers)
    parameters = list(network.parameters())
    for ours, theirs in zip(trainee.flat.network.parameters(), parameters, strict=True):
        theirs.data.copy_(ours)
    weights = torch.cat([p.detach().reshape(-1) for p in parameters])
    pieces = torch.split(weights, [p.numel() for p in parameters])
    for parameter, piece in zip(parameters, pieces, strict=True):
        parameter.data = piece.view(parameter.shape)
    velocity = torch.zeros_like(weights)
    order, position = torch.randperm(num_samples), 0

    def step() -> None:
        nonlocal order, position
        if position == num_samples:
            order, position = torch.randperm(num_samples), 0
        chosen = order[position : position + SAMPLES]
        position += SAMPLES
        loss = cross_entropy(network(x[chosen]), y[chosen])
        gradient = torch.cat([g.reshape(-1) for g in torch.autograd.grad(loss, parameters)])
        velocity.mul_(MOMENTUM).add_(gradient)
        weights.sub_(velocity, alpha=RATE)

    return step


def seconds(step: Callable[[], object]) -> float:
    """Seconds of a turn."""
    began = time.perf_counter()
    for _ in range(STEPS):
        step()
    return time.perf_counter() - began


def measure(turns: int) -> dict[str, float]:
    """Medians of samples/s of both sides, and of the ratio turn by turn."""
    torch.set_num_threads(1)
    trainee, loop = build_ours()
    rival = build_rival(trainee)
    seconds(loop.train_step), seconds(rival)  # warm up: captured, caches filled
    pairs = [(seconds(loop.train_step), seconds(rival)) for _ in range(turns)]
    trainee.close()
    speeds = [[SAMPLES * STEPS / side for side in pair] for pair in pairs]
    return {
        "distnet": statistics.median(ours for ours, _ in speeds),
        "hand_written": statistics.median(theirs for _, theirs in speeds),
        "ratio": statistics.median(ours / theirs for ours, theirs in speeds),
    }


if __name__ == "__main__":
    print_measured(measure, __doc__)
