"""Speed of the digits against torch's own data-parallel training, on the same work.

    python -m tests.bench.digits [--runs 5] [--json]

Network 784-16-16-10, 64 samples a worker and step, SGD with momentum, processes without Ray on both
sides, so that only the training differs. The sides take turns, and the ratio is taken pair by pair:
the machine's own drift falls out.
"""

import argparse
import json
import statistics
import tempfile
import time
from pathlib import Path

import torch
import torch.distributed as dist
from torch import nn
from torch.nn.functional import cross_entropy
from torch.nn.parallel import DistributedDataParallel
from torch.utils.data import DataLoader, DistributedSampler, TensorDataset

from distnet.data.manifest import read_manifest
from distnet.data.shards import ShardReader
from distnet.data.shipped import find_dataset
from distnet.run_folder.assignment import Assignment
from distnet.spec.read import read_job_text
from distnet.train.exchange.worker_group import WorkerGroup
from distnet.train.worker import work
from tests.train.processes import run_workers

SAMPLES = 64
EPOCHS = 3
JOB = """
name: bench
network: {{kind: mlp, hidden: [16, 16]}}
optimizer: {{kind: sgd, learning_rate: 0.05, momentum: 0.9}}
train: {{epochs: {epochs}, batch_size: {batch}, slices: {slices}}}
evaluate: {{every_epochs: 1000}}
"""


def train_distnet(group: WorkerGroup, folder: str, slices: int) -> float:
    """Train with distnet; returns samples/s, the median over epochs without the first."""
    text = JOB.format(epochs=EPOCHS, batch=SAMPLES * group.size, slices=slices)
    (Path(folder) / "checkpoints").mkdir(parents=True, exist_ok=True)
    dataset = find_dataset("mnist", folder=Path())
    assignment = Assignment(
        job=read_job_text(text).job, job_folder=folder, dataset=str(dataset), run=folder
    )
    return float(work(assignment, group)["samples_per_second"])


def train_torch(group: WorkerGroup) -> float:
    """Train with DistributedDataParallel and a DataLoader over tensors in memory."""
    torch.set_num_threads(1)
    folder = find_dataset("mnist", folder=Path())
    images, labels = ShardReader(folder, read_manifest(folder), "train").read_all().values()
    data = TensorDataset(
        torch.from_numpy(images).float() / 255, torch.from_numpy(labels.astype("int64"))
    )
    sampler = DistributedSampler(data, group.size, group.rank) if group.size > 1 else None
    loader = DataLoader(data, SAMPLES, sampler=sampler, shuffle=sampler is None)
    layers = [nn.Linear(784, 16), nn.ReLU(), nn.Linear(16, 16), nn.ReLU(), nn.Linear(16, 10)]
    network: nn.Module = nn.Sequential(nn.Flatten(), *layers)
    if group.size > 1:
        network = DistributedDataParallel(network)
    optimizer = torch.optim.SGD(network.parameters(), 0.05, momentum=0.9)
    speeds = []
    for epoch in range(EPOCHS):
        if sampler is not None:
            sampler.set_epoch(epoch)
        began = time.monotonic()
        for x, y in loader:
            optimizer.zero_grad()
            cross_entropy(network(x), y).backward()
            optimizer.step()
        if group.size > 1:
            dist.barrier()
        speeds.append(len(data) / (time.monotonic() - began))
    return statistics.median(speeds[1:])


def measure(workers: int, slices: int, runs: int) -> dict[str, float]:
    """Take turns; medians of samples/s, and of the ratio pair by pair."""
    mine, theirs = [], []
    for _ in range(runs):
        with tempfile.TemporaryDirectory() as folder:
            run = f"{folder}/run"
            mine.append(run_workers(train_distnet, workers, Path(folder), run, slices)[0])
            theirs.append(run_workers(train_torch, workers, Path(folder))[0])
    return {
        "workers": workers,
        "slices": slices,
        "distnet": statistics.median(mine),
        "torch_ddp": statistics.median(theirs),
        "ratio": statistics.median(a / b for a, b in zip(mine, theirs, strict=True)),
    }


def main() -> None:
    """Measure 1 and 2 workers and print a table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    rows = [measure(workers, slices, options.runs) for workers, slices in ((1, 1), (2, 2), (2, 4))]
    if options.json:
        print(json.dumps(rows))  # noqa: T201
        return
    print("workers slices   distnet/s  torch DDP/s  ratio")  # noqa: T201
    for row in rows:
        print(  # noqa: T201
            f"{row['workers']:7} {row['slices']:6} {row['distnet']:11,.0f} "
            f"{row['torch_ddp']:12,.0f} {row['ratio']:6.2f}"
        )


if __name__ == "__main__":
    main()
