"""What an exported network gives, which is not always what the network returns."""

from typing import Any

from torch import Tensor

from distnet.tasks.task import Task


def exported(task: Task, outputs: Any) -> Any:
    """Convert a network's outputs to what an exported network gives: the units of the data."""
    outputs = outputs.float() if isinstance(outputs, Tensor) else outputs
    convert = getattr(task, "exported", None)
    return outputs if convert is None else convert(outputs)
