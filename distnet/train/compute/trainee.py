"""From a job to the things that train: network, task, samples, optimizer, sum, evaluator."""

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import torch
from torch import nn

from distnet.data.augment import build_augmentation
from distnet.data.manifest import Manifest, read_manifest
from distnet.data.order import Batches, mix
from distnet.data.samples import Samples
from distnet.data.scale import Scale
from distnet.errors import UnknownPartError
from distnet.spec.parts import load_part
from distnet.spec.sections.job import Job
from distnet.spec.sections.section import Part
from distnet.tasks.task import Task
from distnet.train.compute.evaluate import Evaluator
from distnet.train.compute.flat import FlatNetwork
from distnet.train.compute.optimizer import FlatOptimizer
from distnet.train.compute.slice_gradient import SliceGradient
from distnet.train.exchange.reduce import Sum, build_sum
from distnet.train.exchange.worker_group import WorkerGroup


@dataclass(frozen=True)
class Trainee:
    """Everything one worker trains with."""

    job: Job
    manifest: Manifest
    samples: Samples
    batches: Batches
    task: Task
    flat: FlatNetwork
    scale: Scale
    optimizer: FlatOptimizer
    gradient: SliceGradient
    sum: Sum
    evaluator: Evaluator | None

    @cached_property
    def num_steps(self) -> int:
        """Updates of the whole run."""
        return count_steps(self.job, self.batches)

    def close(self) -> None:
        """Let go of shared memory and reading threads."""
        self.samples.close()
        self.sum.close()
        if self.evaluator is not None:
            self.evaluator.close()


def build(job: Job, dataset: Path, job_folder: Path, world: WorkerGroup, precision: str) -> Trainee:
    """Make everything that a worker needs; the same on every worker.

    Raises:
        DataError: the dataset is missing or damaged.
        UnknownPartError: the network or the task cannot be made.
    """
    manifest = read_manifest(dataset)
    task = build_task(job.task, manifest, job_folder)
    network = build_network(job, manifest, task.num_outputs, job_folder)
    flat = FlatNetwork(network.train(), world.device)
    scale = Scale(manifest.x, normalise=job.data.normalise, device=world.device)
    is_bf16 = precision == "bf16"
    # GPUs want channels-last for bf16 convolutions; on CPUs the layout makes no difference.
    is_channels_last = is_bf16 and manifest.x.kind == "image" and has_convolution(network)
    gradient = SliceGradient(
        flat,
        task,
        scale,
        build_augmentation(job.data.augment),
        seed=job.train.seed,
        pieces=job.train.accumulate,
        is_bf16=is_bf16,
        is_channels_last=is_channels_last,
    )
    slices = job.num_slices
    samples = open_samples(job, dataset, manifest, "train", seed=job.train.seed)
    return Trainee(
        job=job,
        manifest=manifest,
        samples=samples,
        batches=Batches(manifest.splits["train"].num_samples, job.train.batch_size, slices),
        task=task,
        flat=flat,
        scale=scale,
        optimizer=FlatOptimizer(job.optimizer, flat.vector, flat.decayed()),
        gradient=gradient,
        sum=build_sum(world, slices, gradient.row_length, mode=job.train.sum),
        evaluator=None
        if job.evaluate.split not in manifest.splits
        else Evaluator(
            open_samples(job, dataset, manifest, job.evaluate.split, seed=None),
            task,
            world,
            slices=slices,
            batch_size=job.evaluate.batch_size,
            is_bf16=is_bf16,
            is_channels_last=is_channels_last,
        ),
    )


def build_task(part: Part, manifest: Manifest, folder: Path) -> Task:
    """Make the task for this data.

    Raises:
        UnknownPartError: it does not exist, or does not fit the data.
    """
    cls, options = load_part("tasks", part, folder=folder)
    try:
        task: Task = cls(manifest, **options)
    except ValueError as error:
        raise UnknownPartError(f"task {part.kind} does not fit the data: {error}") from None
    return task


def build_network(job: Job, manifest: Manifest, num_outputs: int, folder: Path) -> nn.Module:
    """Make the network with the weights it starts from, a function of the job's seed.

    Raises:
        UnknownPartError: it does not exist, or does not fit the data.
    """
    cls, options = load_part("networks", job.network, folder=folder)
    torch.manual_seed(mix(job.train.seed) >> 1)
    try:
        network: nn.Module = cls(manifest.x.shape, num_outputs, **options)
    except ValueError as error:
        raise UnknownPartError(
            f"network {job.network.kind} does not fit the data: {error}"
        ) from None
    return network


def open_samples(
    job: Job, dataset: Path, manifest: Manifest, split: str, *, seed: int | None
) -> Samples:
    """Open one split for reading, in memory or streamed as the job says."""
    return Samples(dataset, manifest, split, memory_bytes=job.data.memory, seed=seed)


def count_steps(job: Job, batches: Batches) -> int:
    """Updates of the whole run, from `train.steps` or `train.epochs`."""
    return job.train.steps or (job.train.epochs or 10) * batches.steps_per_epoch


def has_convolution(network: nn.Module) -> bool:
    """Whether any layer is a convolution."""
    return any(isinstance(m, nn.Conv1d | nn.Conv2d | nn.Conv3d) for m in network.modules())
