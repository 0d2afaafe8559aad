"""Make a job's task and network once before anything starts, and measure what they need."""

from collections.abc import Sequence
from dataclasses import dataclass

from torch import nn

from distnet.data.manifest import Manifest
from distnet.errors import UnknownPartError
from distnet.launch.planning.misfits import (
    refuse_rand_augment,
    refuse_unknown_metric,
    refuse_unknown_parameter,
    refuse_unmixable,
)
from distnet.spec.named_parts import named_parts
from distnet.spec.parts import load_class
from distnet.spec.read import JobFile
from distnet.tasks.per_sample import PerSample
from distnet.tasks.task import Task, phases_of, players_of, shadows_of
from distnet.train.compute.parts import build_network, build_task, build_turns, has_convolution
from distnet.train.compute.row import Layout
from distnet.train.compute.shadows import ShadowNetwork
from distnet.train.compute.turn import num_draws
from distnet.train.inventory.flat import FlatNetwork


@dataclass(frozen=True)
class Probe:
    """A job's task and network, and facts about them."""

    task: Task
    flat: FlatNetwork
    shadows: Sequence[ShadowNetwork]
    num_parameters: int
    num_outputs: int
    """Outputs of the network for one sample; 0 if the task does not say."""
    is_convolutional: bool
    has_batch_norm: bool
    draws: int
    """Batches of samples that a step takes."""
    row_length: int
    """Numbers in the longest row of a slice."""


def probe(file: JobFile, data: Manifest | None) -> Probe:
    """Make the task and the network.

    Raises:
        DistnetError: they cannot be made, or do not fit each other or the data.
    """
    job = file.job
    for section in named_parts(job):
        file.load_part(section)
    task = _task(file, data)
    try:
        network = build_network(job, task, file.code_folder)
    except UnknownPartError as error:
        raise file.fault("network", str(error)) from None
    if not any(p.requires_grad for p in network.parameters()):
        raise file.fault("network.kind", "found a network without a trainable parameter")
    flat, shadows = _flat(file, network, task)
    refuse_unknown_parameter(file, flat)
    norms = (nn.BatchNorm1d, nn.BatchNorm2d, nn.BatchNorm3d)
    return Probe(
        task=task,
        flat=flat,
        shadows=shadows,
        num_parameters=flat.num_parameters + flat.num_frozen,
        num_outputs=task.task.num_outputs if isinstance(task, PerSample) else 0,
        is_convolutional=has_convolution(network),
        has_batch_norm=any(isinstance(m, norms) for m in network.modules()),
        draws=num_draws(phases_of(task)),
        row_length=max(
            Layout(p.num_parameters, 0, p.buffers.num_numbers).length for p in flat.players.values()
        ),
    )


def _task(file: JobFile, data: Manifest | None) -> Task:
    kind = file.job.task.kind
    if data is None and not hasattr(load_class("tasks", kind, folder=file.code_folder), "feed"):
        raise file.fault("data.source", f"found null, but the task {kind} needs a dataset")
    try:
        task = build_task(file.job, data, file.code_folder)
        build_turns(task)
    except UnknownPartError as error:
        raise file.fault("task", str(error)) from None
    if hasattr(task, "feed") and file.job.train.on_nonfinite == "rewind":
        raise file.fault(
            "train.on_nonfinite",
            f"found rewind, but the samples of task {kind} cannot be taken back; "
            "expected stop or skip",
        )
    unknown = sorted(file.job.players.keys() - players_of(task).keys())
    if unknown:
        raise file.fault(
            "players", f"found {unknown[0]}, expected one of {', '.join(players_of(task))}"
        )
    refuse_unknown_metric(file, data, task)
    refuse_rand_augment(file, data)
    refuse_unmixable(file, data, task)
    return task


def _flat(file: JobFile, network: nn.Module, task: Task) -> tuple[FlatNetwork, list[ShadowNetwork]]:
    try:
        flat = FlatNetwork(network, players=players_of(task))
        shadows = [ShadowNetwork(shadow, flat) for shadow in shadows_of(task)]
    except UnknownPartError as error:
        raise file.fault("network.kind", str(error)) from None
    return flat, shadows
