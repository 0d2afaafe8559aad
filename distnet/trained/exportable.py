"""What an ONNX file computes, and samples with which it is checked.

The task may say what that is (a generator, the values of actions). Else it is the network on the
field `x`: samples as the dataset stores them (pixels from 0 to 255, numbers in their own units),
with scaling and normalisation inside. A regression's outputs are in the units of the data as well.
Numbers that the dataset stores relative to an origin are float64, as float32 would lose what
varies.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from math import prod
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from distnet.data.fields.field import Field
from distnet.data.manifest import read_manifest
from distnet.data.shards import ShardReader
from distnet.data.shipped import find_dataset
from distnet.errors import DataError
from distnet.spec.code.own_errors import own_errors, refusal
from distnet.tasks.task import Exportable
from distnet.trained.exported import exported
from distnet.trained.load import Trained

NUM_CHECKED = 128  # random inputs, and as many real ones
MOST_CHECKED = 2**22  # numbers in them: of large inputs fewer are checked

Array = NDArray[np.number[Any]]
Inputs = NDArray[np.float32]


@dataclass(frozen=True)
class Case:
    """Inputs, and what the network computes of them."""

    inputs: Mapping[str, Array]
    expected: Array


def is_of_task(trained: Trained) -> bool:
    """Whether the task says what an ONNX file computes."""
    return hasattr(trained.task, "exportable")


def exportable(trained: Trained) -> Exportable:
    """What the ONNX file of a network computes.

    Raises:
        RunError: the samples have no field `x`, and the task says nothing else.
        PartError: a user's own task returned something else.
    """
    task: Any = trained.task
    if not is_of_task(trained):
        dtype = torch.float64 if trained.inputs.origin else torch.float32
        example = torch.zeros(2, *trained.inputs.shape, dtype=dtype)
        stored = (
            "pixels from 0 to 255" if trained.inputs.dtype == "uint8" else "numbers as in the data"
        )
        meanings = {"x": f"{stored}; the network scales and normalises them itself"}
        return Exportable(FromStored(trained).eval(), {"x": example}, "outputs", meanings)
    with own_errors(f"task {trained.job.task.kind}", is_any=False), torch.random.fork_rng():
        torch.manual_seed(0)
        found = task.exportable(trained.networks, NUM_CHECKED)
    if not isinstance(found, Exportable):
        raise refusal(task, "exportable", found, "an Exportable of distnet.tasks.task")
    return found


def cases(trained: Trained) -> tuple[list[Case], int, int]:
    """What an ONNX file is checked with: one sample at a time, and many.

    Returns:
        The cases, how many of their samples are random, and how many are real.
    """
    if is_of_task(trained):
        return _cases_of_task(trained)
    random, real = _random_inputs(trained), _real_inputs(trained)
    inputs = [x for x in (random[:1], random, real) if len(x)]
    return [_case_of_field(trained, x) for x in inputs], len(random), len(real)


@torch.no_grad()
def _cases_of_task(trained: Trained) -> tuple[list[Case], int, int]:
    network, inputs, _, _, longest = exportable(trained)
    parts = [{name: x[:1] for name, x in inputs.items()}, inputs]
    if longest is not None:
        parts.append({name: x[:, : longest // 2 + 1] for name, x in inputs.items()})
    found = []
    with own_errors(f"network {trained.job.network.kind}", is_any=False):
        for part in parts:
            expected = network(*part.values()).numpy()
            found.append(Case({name: x.numpy() for name, x in part.items()}, expected))
    return found, len(next(iter(inputs.values()))), 0


def _case_of_field(trained: Trained, x: Inputs) -> Case:
    return Case({"x": trained.inputs.in_units(x)}, trained.outputs(x).numpy())


class FromStored(nn.Module):
    """The network with its scale before it, and the units of its task behind it."""

    factor: Tensor
    offset: Tensor
    origin: Tensor

    def __init__(self, trained: Trained) -> None:
        super().__init__()
        self.network, self.task = trained.network, trained.task
        scale = trained.prepare.scales["x"]
        self.has_origin = bool(trained.inputs.origin)
        self.register_buffer("origin", torch.tensor(trained.inputs.origins))
        self.register_buffer("factor", scale.factor)
        self.register_buffer("offset", scale.offset)

    def forward(self, x: Tensor) -> Tensor:
        """The outputs of samples x [n, ...] as stored."""
        if self.has_origin:
            x = (x - self.origin).float()
        outputs: Tensor = exported(self.task, self.network((x - self.offset) * self.factor))
        return outputs


def _random_inputs(trained: Trained) -> Inputs:
    """Samples as the dataset stores them."""
    generator, data = np.random.default_rng(0), trained.inputs
    shape = (_num_checked(data), *data.shape)
    if data.dtype == "uint8":
        return generator.uniform(0, 255, shape).astype(np.float32)
    return generator.normal(data.mean, data.std, shape).astype(np.float32)


def _num_checked(data: Field) -> int:
    return max(1, min(NUM_CHECKED, MOST_CHECKED // prod(data.shape)))


def _real_inputs(trained: Trained) -> Inputs:
    """Samples of the data that the network was trained on; none if it is no longer here."""
    try:
        dataset = find_dataset(trained.job.data.source or "", folder=trained.job_folder)
        manifest = read_manifest(dataset)
        x = ShardReader(dataset, manifest, "train", ["x"]).read_group(0)["x"]
    except DataError:
        return np.empty((0, *trained.inputs.shape), np.float32)
    if not isinstance(x, np.ndarray) or x.shape[1:] != trained.inputs.shape:
        return np.empty((0, *trained.inputs.shape), np.float32)  # a view makes samples of them
    return x[: _num_checked(trained.inputs)].astype(np.float32)
