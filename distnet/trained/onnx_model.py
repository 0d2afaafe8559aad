"""A trained network as an ONNX model, checked in onnxruntime before it is used.

The model takes samples as the dataset stores them (pixels from 0 to 255, numbers in their own
units): scaling and normalisation are inside. A regression's outputs are in the units of the data
as well. Numbers that the dataset stores relative to an origin are float64 in the model, as float32
would lose what varies.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import prod

import numpy as np
import onnxruntime
import torch
from numpy.typing import NDArray
from onnx.helper import set_model_props
from torch import Tensor, nn

from distnet.data.fields.field import Field
from distnet.data.manifest import read_manifest
from distnet.data.shards import ShardReader
from distnet.data.shipped import find_dataset
from distnet.errors import DataError, RunError
from distnet.spec.code.own_errors import own_stack
from distnet.tasks.task import Task
from distnet.trained.load import Trained

TOLERANCE = 1e-4  # of the largest output, and at least of 1: rounding in another order of sums
NUM_CHECKED = 128  # random inputs, and as many real ones
MOST_CHECKED = 2**22  # numbers in them: of large inputs fewer are checked

Inputs = NDArray[np.float32]


@dataclass(frozen=True)
class Check:
    """How far the ONNX network differs from the network."""

    max_difference: float
    """The largest, over all outputs and inputs."""
    num_random: int
    num_real: int
    """Inputs compared; no real ones if the dataset is not on this machine."""


def require_fixed_shape(trained: Trained) -> None:
    """Check that an ONNX file can be made: samples have one shape.

    Raises:
        RunError: they do not, as texts.
    """
    if "x" not in trained.prepare.scales:
        raise RunError(
            f"{trained.folder.path}: the field x is {trained.inputs.kind}, and ONNX files are "
            "made for images and vectors; write --format safetensors alone"
        )


def to_onnx(trained: Trained, facts: Mapping[str, str]) -> bytes:
    """Translate the network to an ONNX model that takes any number of samples at a time.

    Args:
        trained: the network.
        facts: its metadata.

    Raises:
        RunError: a part of the network cannot be translated.
    """
    dtype = torch.float64 if trained.inputs.origin else torch.float32
    example = torch.zeros(2, *trained.inputs.shape, dtype=dtype)
    try:
        program = torch.onnx.export(
            _FromStored(trained).eval(),
            (example,),
            input_names=["x"],
            output_names=["outputs"],
            dynamic_shapes=({0: torch.export.Dim("batch")},),
            dynamo=True,
            verbose=False,
        )
    except torch.onnx.OnnxExporterError as error:
        raise RunError(
            f"{trained.folder.path}: the network cannot be written as ONNX: "
            f"{_last_line(error.__cause__ or error)}; write --format safetensors alone"
            f"{own_stack(error)}"
        ) from None
    assert program is not None  # it is None only if a file is requested
    model = program.model_proto
    set_model_props(model, dict(facts))
    return bytes(model.SerializeToString())


def check_onnx(trained: Trained, model: bytes) -> Check:
    """Compare the model with the network, on one sample at a time and on many.

    Raises:
        RunError: onnxruntime cannot run it, or they differ by more than rounding.
    """
    random, real = _random_inputs(trained), _real_inputs(trained)
    difference = largest = 0.0
    y = trained.fields.get("y")
    origin = np.array(0.0 if y is None else y.origin or 0.0)
    inputs = [x for x in (random[:1], random, real) if len(x)]
    outputs = _run(trained, model, [trained.inputs.in_units(x) for x in inputs])
    for x, found in zip(inputs, outputs, strict=True):
        expected = exported(trained.task, trained.outputs(x)).numpy()
        difference = max(difference, float(np.abs(found - expected).max()))
        apart = expected - origin
        largest = max(largest, float(np.abs(apart).max()))
    if not difference <= TOLERANCE * max(1.0, largest):  # NaN is refused as well
        raise RunError(
            f"{trained.folder.path}: the ONNX network differs from the network by "
            f"{difference:.3g}, where outputs reach {largest:.3g}; nothing was written. Write "
            "--format safetensors alone, and report this with the job file"
        )
    return Check(difference, len(random), len(real))


def _run(
    trained: Trained, model: bytes, inputs: Sequence[NDArray[np.generic]]
) -> list[NDArray[np.generic]]:
    """The outputs of the model for batches of any number of samples."""
    try:
        session = onnxruntime.InferenceSession(model, providers=["CPUExecutionProvider"])
        return [session.run(["outputs"], {"x": x})[0] for x in inputs]
    except Exception as error:  # its errors have no class in common
        raise RunError(
            f"{trained.folder.path}: onnxruntime cannot run the network as ONNX: "
            f"{' '.join(str(error).split())}; nothing was written. Write --format safetensors alone"
        ) from None


class _FromStored(nn.Module):
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
        if self.has_origin:
            x = (x - self.origin).float()
        return exported(self.task, self.network((x - self.offset) * self.factor))


def exported(task: Task, outputs: Tensor) -> Tensor:
    """Convert outputs [n, K] to what an exported network gives: the units of the data."""
    convert = getattr(task, "exported", None)
    return outputs if convert is None else convert(outputs)


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


def _last_line(error: BaseException) -> str:
    lines = str(error).strip().splitlines() or [type(error).__name__]
    return lines[-1]
