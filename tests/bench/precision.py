"""What number format and memory layout cost the small CNN on this CPU, one thread.

python -m tests.bench.precision
"""

import statistics
import time
from pathlib import Path

import torch

from distnet.data.manifest import read_manifest
from distnet.data.shipped import find_dataset
from distnet.data.transforms.transform import build_transform
from distnet.spec.read import read_job
from distnet.train.compute.feeds import open_samples
from distnet.train.compute.parts import build_network, build_task, build_turns
from distnet.train.compute.prepare import Prepare
from distnet.train.compute.shadows import networks_of
from distnet.train.compute.slice_gradient import SliceGradient
from distnet.train.compute.trainee import build_scales
from distnet.train.compute.turn import SliceId
from distnet.train.inventory.flat import FlatNetwork

JOB = Path(__file__).parents[2] / "jobs" / "digits-cnn.yaml"
SAMPLES, REPEATS = 64, 31


def measure(*, is_bf16: bool, is_channels_last: bool) -> float:
    """Samples/s of the gradient of a slice, the median."""
    job, dataset = read_job(JOB).job, find_dataset("mnist", folder=Path())
    manifest = read_manifest(dataset)
    task = build_task(job, manifest, Path())
    flat = FlatNetwork(build_network(job, task, Path()).train())
    prepare = Prepare(
        build_scales(job, manifest, "cpu"),
        "cpu",
        transform=build_transform(job.data.augment, manifest.fields),
        is_channels_last=is_channels_last,
    )
    networks = networks_of(flat, ())
    gradient = SliceGradient(flat, networks, task, prepare, seed=0, is_bf16=is_bf16)
    batch = open_samples(job, dataset, manifest, "test", Path(), seed=0).take(0, 0, SAMPLES)
    (turn,) = build_turns(task)
    row, seconds = torch.zeros(gradient.layout(turn.phase).length), []
    for step in range(REPEATS):
        began = time.perf_counter()
        gradient.write(row, SliceId(turn, step, 0), batch)
        seconds.append(time.perf_counter() - began)
    return SAMPLES / statistics.median(seconds[1:])


def main() -> None:
    """Measure the four ways and print them."""
    torch.set_num_threads(1)
    for is_bf16 in (False, True):
        for is_channels_last in (False, True):
            speed = measure(is_bf16=is_bf16, is_channels_last=is_channels_last)
            name = f"{'bf16' if is_bf16 else 'fp32'} {'channels-last' * is_channels_last}"
            print(f"{name:20} {speed:8,.0f} samples/s")  # noqa: T201


if __name__ == "__main__":
    main()
