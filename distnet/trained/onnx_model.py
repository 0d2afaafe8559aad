"""A trained network as an ONNX model, checked in onnxruntime before it is used."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import onnxruntime
import torch
from onnx.helper import set_model_props

from distnet.errors import RunError
from distnet.spec.code.own_errors import own_stack
from distnet.tasks.task import Exportable
from distnet.trained.exportable import Array, Case, cases, exportable, is_of_task
from distnet.trained.load import Trained

TOLERANCE = 1e-4  # of the largest output, and at least of 1: rounding in another order of sums


@dataclass(frozen=True)
class Check:
    """How far the ONNX network differs from the network."""

    max_difference: float
    """The largest, over all outputs and inputs."""
    num_random: int
    num_real: int
    """Inputs compared; no real ones if the dataset is not on this machine."""


def require_fixed_shape(trained: Trained) -> None:
    """Check that an ONNX file can be made: samples have one shape, or the task says how.

    Raises:
        RunError: they do not, as texts.
    """
    if not is_of_task(trained) and "x" not in trained.prepare.scales:
        raise RunError(
            f"{trained.folder.path}: the field x is {trained.inputs.kind}, and ONNX files are "
            "made for images and vectors; write --format safetensors alone"
        )


def to_onnx(trained: Trained, facts: Mapping[str, str]) -> bytes:
    """Translate the network to an ONNX model that takes any number of samples at a time.

    Args:
        trained: the network.
        facts: its metadata; what inputs and output hold is added.

    Raises:
        RunError: a part of the network cannot be translated.
    """
    given = exportable(trained)
    try:
        program = torch.onnx.export(
            given.network.eval(),
            tuple(x[:2] for x in given.inputs.values()),
            input_names=list(given.inputs),
            output_names=[given.output],
            dynamic_shapes=_dynamic_shapes(given),
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
    set_model_props(model, {**facts, "meanings": json.dumps(dict(given.meanings))})
    return bytes(model.SerializeToString())


def _dynamic_shapes(given: Exportable) -> tuple[dict[int, Any], ...]:
    """Of each input: its dimensions that may be of any length."""
    free: dict[int, Any] = {0: torch.export.Dim("batch")}
    if given.longest is not None:
        free[1] = torch.export.Dim("length", max=given.longest)
    others = dict.fromkeys(free, torch.export.Dim.AUTO)  # as the first, which the network requires
    return (free, *[others] * (len(given.inputs) - 1))


def check_onnx(trained: Trained, model: bytes) -> Check:
    """Compare the model with the network, on one sample at a time and on many.

    Raises:
        RunError: onnxruntime cannot run it, or they differ by more than rounding.
    """
    checked, num_random, num_real = cases(trained)
    difference = largest = 0.0
    y = None if is_of_task(trained) else trained.fields.get("y")
    origin = np.array(0.0 if y is None else y.origin or 0.0)
    for case, found in zip(checked, _run(trained, model, checked), strict=True):
        difference = max(difference, float(np.abs(found - case.expected).max()))
        apart = case.expected - origin
        largest = max(largest, float(np.abs(apart).max()))
    if not difference <= TOLERANCE * max(1.0, largest):  # NaN is refused as well
        raise RunError(
            f"{trained.folder.path}: the ONNX network differs from the network by "
            f"{difference:.3g}, where outputs reach {largest:.3g}; nothing was written. Write "
            "--format safetensors alone, and report this with the job file"
        )
    return Check(difference, num_random, num_real)


def _run(trained: Trained, model: bytes, checked: Sequence[Case]) -> list[Array]:
    """The outputs of the model for batches of any number of samples."""
    try:
        session = onnxruntime.InferenceSession(model, providers=["CPUExecutionProvider"])
        return [session.run(None, dict(case.inputs))[0] for case in checked]
    except Exception as error:  # its errors have no class in common
        raise RunError(
            f"{trained.folder.path}: onnxruntime cannot run the network as ONNX: "
            f"{' '.join(str(error).split())}; nothing was written. Write --format safetensors alone"
        ) from None


def _last_line(error: BaseException) -> str:
    lines = str(error).strip().splitlines() or [type(error).__name__]
    return lines[-1]
