"""The network and the task of a job, made from their classes: the same on every worker."""

from fnmatch import fnmatchcase
from pathlib import Path

import torch
from torch import nn

from distnet.data.manifest import Manifest
from distnet.data.shuffle import mix
from distnet.errors import PartError, UnknownPartError
from distnet.spec.code.own_errors import constructed, described, own_errors
from distnet.spec.parts import load_part
from distnet.spec.sections.job import Job
from distnet.spec.sections.optimizer import group_of
from distnet.spec.sections.section import is_own_kind
from distnet.tasks.checked import checked_per_sample, checked_whole
from distnet.tasks.per_sample import PerSample
from distnet.tasks.task import Shadow, Task, phases_of, players_of, shadows_of
from distnet.train.compute.generators import seed_generators
from distnet.train.compute.shadows import Use
from distnet.train.compute.turn import Turn, turns_of
from distnet.train.inventory.lazy import materialise

EMA = "train.ema"
"""The name of the shadow that a job adds to those of its task."""
EVERY_USE = frozenset[Use]({"evaluation", "export"})


def build_task(job: Job, data: Manifest | None, folder: Path) -> Task:
    """Make the task for this data; a user's own is checked, now and in use.

    Args:
        job: the job.
        data: the manifest of the dataset, if there is one.
        folder: that of the job file, or of the copy of its code.

    Raises:
        UnknownPartError: it does not exist, is incomplete, raised an error, or does not fit the
            data.
    """
    cls, options = load_part("tasks", job.task, folder=folder)
    what, is_own = f"task {job.task.kind}", is_own_kind(job.task.kind)
    _seed(job)
    task = constructed(what, cls, (data,), options)
    with own_errors(what):  # its members may be properties
        if hasattr(task, "loss") or data is None:  # else it has one loss for each sample
            whole: Task = checked_whole(task, what) if is_own else task
        else:
            whole = PerSample(checked_per_sample(task, what) if is_own else task, data)
    return _averaged(whole, job)


def _averaged(task: Task, job: Job) -> Task:
    """The task with a moving average of the weights, if the job asks for one.

    Raises:
        UnknownPartError: the task evaluates another shadow of its own.
    """
    if job.train.ema is None:
        return task
    own = [shadow.name for shadow in shadows_of(task) if shadow.used_by]
    if own:
        raise UnknownPartError(
            f"task {job.task.kind}: evaluates its own shadow {own[0]} already, so train.ema cannot "
            "be used with it; remove train.ema, or set the task's own option"
        )
    average = Shadow(EMA, decay=job.train.ema, is_corrected=True, used_by=EVERY_USE)
    task.shadows = (*shadows_of(task), average)  # type: ignore[attr-defined]
    return task


def build_network(job: Job, task: Task, folder: Path) -> nn.Module:
    """Make the network with the weights it starts from, a function of the job's seed.

    Raises:
        UnknownPartError: it does not exist, is not a module, raised an error, or does not fit
            the data.
    """
    cls, options = load_part("networks", job.network, folder=folder)
    what = f"network {job.network.kind}"
    with own_errors(f"task {job.task.kind}"):
        arguments = task.network_arguments
    _seed(job)
    network = constructed(what, cls, tuple(arguments), options)
    if not isinstance(network, nn.Module):
        raise PartError(f"{what}: found {described(network)}, expected a torch.nn.Module")
    scripted = [n for n, m in network.named_modules() if isinstance(m, torch.jit.ScriptModule)]
    if scripted:
        raise PartError(
            f"{what}: found the script module {scripted[0] or 'itself'}, expected modules of "
            "Python, without torch.jit.script or torch.jit.trace, which torch has deprecated"
        )
    if isinstance(task, PerSample):
        with own_errors(what):
            materialise(network, arguments[0])
    _freeze(network, job, task)
    return network


def _freeze(network: nn.Module, job: Job, task: Task) -> None:
    """Freeze what a group of the optimizer freezes for good: it has neither gradient nor state."""
    names = dict[nn.Parameter, list[str]]()
    for name, parameter in network.named_parameters(remove_duplicate=False):
        names.setdefault(parameter, []).append(name)
    for player, pattern in players_of(task).items():
        groups = job.player(player).optimizer.groups
        for parameter, every in names.items():
            group = group_of(every, groups)
            is_own = any(fnmatchcase(name, pattern) for name in every)
            if is_own and group is not None and group.frozen_epochs == "all":
                parameter.requires_grad_(False)


def build_turns(task: Task) -> tuple[Turn, ...]:
    """The updates of a step.

    Raises:
        UnknownPartError: the phases of the task are not possible.
    """
    try:
        return turns_of(phases_of(task))
    except ValueError as error:
        raise UnknownPartError(f"task: {error}") from None


def has_convolution(network: nn.Module) -> bool:
    """Whether any layer is a convolution."""
    return any(isinstance(m, nn.Conv1d | nn.Conv2d | nn.Conv3d) for m in network.modules())


def _seed(job: Job) -> None:
    """Seed all generators that a constructor may draw from."""
    seed_generators(torch.device("cpu"), job.train.seed)
    torch.manual_seed(mix(job.train.seed) >> 1)  # those of all GPUs, too
