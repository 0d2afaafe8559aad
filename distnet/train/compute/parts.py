"""The network and the task of a job, made from their classes: the same on every worker."""

from pathlib import Path

import torch
from torch import nn

from distnet.data.manifest import Manifest
from distnet.data.shuffle import mix
from distnet.errors import UnknownPartError
from distnet.spec.parts import load_part
from distnet.spec.sections.job import Job
from distnet.tasks.per_sample import PerSample
from distnet.tasks.task import Task
from distnet.train.compute.generators import seed_generators
from distnet.train.compute.lazy import materialise


def build_task(job: Job, data: Manifest | None, folder: Path) -> Task:
    """Make the task for this data; `folder` is that of the job file.

    Raises:
        UnknownPartError: it does not exist, or does not fit the data.
    """
    cls, options = load_part("tasks", job.task, folder=folder)
    _seed(job)
    try:
        task = cls(data, **options)
        is_whole = hasattr(task, "loss")  # else it has one loss for each sample
        return task if is_whole or data is None else PerSample(task, data)
    except ValueError as error:
        raise UnknownPartError(f"task {job.task.kind} does not fit the data: {error}") from None


def build_network(job: Job, task: Task, folder: Path) -> nn.Module:
    """Make the network with the weights it starts from, a function of the job's seed.

    Raises:
        UnknownPartError: it does not exist, or does not fit the data.
    """
    cls, options = load_part("networks", job.network, folder=folder)
    _seed(job)
    try:
        network: nn.Module = cls(*task.network_arguments, **options)
    except ValueError as error:
        raise UnknownPartError(
            f"network {job.network.kind} does not fit the data: {error}"
        ) from None
    if isinstance(task, PerSample):
        materialise(network, task.network_arguments[0])
    return network


def _seed(job: Job) -> None:
    """Seed all generators that a constructor may draw from."""
    seed_generators(torch.device("cpu"), job.train.seed)
    torch.manual_seed(mix(job.train.seed) >> 1)  # those of all GPUs, too
