"""Make a job's task and network once before anything starts, and measure what they need."""

from dataclasses import dataclass
from typing import Any

import torch
from torch import nn

from distnet.data.manifest import Manifest
from distnet.errors import NetworkError, UnknownPartError
from distnet.launch.best_metric import refuse_unknown_metric
from distnet.launch.decay import refuse_unknown_parameter
from distnet.spec.parts import load_class
from distnet.spec.read import JobFile
from distnet.tasks.per_sample import PerSample
from distnet.tasks.task import Task, phases_of, players_of, shadows_of
from distnet.train.compute.flat import FlatNetwork
from distnet.train.compute.parts import build_network, build_task
from distnet.train.compute.row import Layout
from distnet.train.compute.shadows import ShadowNetwork
from distnet.train.compute.trainee import build_turns, has_convolution
from distnet.train.compute.turn import num_draws

PROBE_SAMPLES = 2


@dataclass(frozen=True)
class Probe:
    """Facts about a job's task and network."""

    task: Task
    num_parameters: int
    num_outputs: int
    """Outputs of the network for one sample; 0 if the task does not say."""
    num_activations: int
    """Numbers that one sample leaves in the layers; 0 if unknown."""
    is_convolutional: bool
    has_batch_norm: bool
    draws: int
    """Batches of samples that a step takes."""
    num_shadows: int
    row_length: int
    """Numbers in the longest row of a slice."""


def probe(file: JobFile, data: Manifest | None) -> Probe:
    """Make the task and the network, and pass two blank samples through it.

    Raises:
        DistnetError: they cannot be made, or do not fit each other or the data.
    """
    job = file.job
    file.load_part("task")
    file.load_part("network")
    task = _task(file, data)
    try:
        network = build_network(job, task, file.code_folder)
    except UnknownPartError as error:
        raise file.fault("network", str(error)) from None
    if not any(p.requires_grad for p in network.parameters()):
        raise file.fault("network.kind", "found a network without a trainable parameter")
    flat = _flat(file, network, task)
    refuse_unknown_parameter(file, flat)
    num_outputs = task.task.num_outputs if isinstance(task, PerSample) else 0
    num_activations = _count_activations(file, network, data, num_outputs)
    _refuse_other_tensors(file, flat)
    norms = (nn.BatchNorm1d, nn.BatchNorm2d, nn.BatchNorm3d)
    return Probe(
        task=task,
        num_parameters=flat.num_parameters + flat.num_frozen,
        num_outputs=num_outputs,
        num_activations=num_activations,
        is_convolutional=has_convolution(network),
        has_batch_norm=any(isinstance(m, norms) for m in network.modules()),
        draws=num_draws(phases_of(task)),
        num_shadows=len(shadows_of(task)),
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
    return task


def _flat(file: JobFile, network: nn.Module, task: Task) -> FlatNetwork:
    try:
        flat = FlatNetwork(network, players=players_of(task))
        for shadow in shadows_of(task):
            ShadowNetwork(shadow, flat)
    except UnknownPartError as error:
        raise file.fault("network.kind", str(error)) from None
    return flat


def _refuse_other_tensors(file: JobFile, flat: FlatNetwork) -> None:
    """Refuse a network whose forward has just created or replaced a tensor."""
    try:
        flat.require_unchanged()
    except NetworkError as error:
        raise file.fault("network.kind", str(error)) from None


def _count_activations(
    file: JobFile, network: nn.Module, data: Manifest | None, num_outputs: int
) -> int:
    if data is None or not num_outputs:
        return 0
    numbers = 0

    def count(_: nn.Module, __: Any, output: Any) -> None:
        nonlocal numbers
        numbers += output.numel() if isinstance(output, torch.Tensor) else 0

    leaves = [m for m in network.modules() if not list(m.children())]
    hooks = [leaf.register_forward_hook(count) for leaf in leaves]
    shape = (PROBE_SAMPLES, *data.x.shape)
    try:
        with torch.no_grad():
            output = network.eval()(torch.zeros(shape))
    except (RuntimeError, ValueError, TypeError, IndexError) as error:
        raise file.fault(
            "network",
            f"does not accept inputs {list(shape[1:])} of this dataset: {_first_line(error)}",
        ) from None
    finally:
        for hook in hooks:
            hook.remove()
    expected = (PROBE_SAMPLES, num_outputs)
    if not isinstance(output, torch.Tensor) or tuple(output.shape) != expected:
        found = list(output.shape) if isinstance(output, torch.Tensor) else type(output).__name__
        raise file.fault(
            "network",
            f"found outputs {found} for {PROBE_SAMPLES} samples, expected {list(expected)}",
        )
    return numbers // PROBE_SAMPLES


def _first_line(error: Exception) -> str:
    return str(error).strip().split("\n", 1)[0]
