"""What a simple rule reaches on the samples on which a network is measured.

Letters: n samples, d inputs, K outputs.
"""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from math import prod
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from distnet.data.batch import Batch
from distnet.data.fields.field import Field
from distnet.data.manifest import Manifest

Numbers = NDArray[np.float64]
MOST_PRODUCTS = 2e10
"""n d^2 of a linear model: some seconds."""
RIDGE = 1.0
"""What is added to the diagonal, of inputs with deviation 1: as scikit-learn's `Ridge` has it."""
DIGITS = 6
"""Of a metric: the last bits depend on the threads of the library for linear algebra."""


@dataclass(frozen=True)
class Known:
    """The samples that a rule may look at, as they are stored, some at a time."""

    train: Callable[..., Iterator[Batch]]
    """Called with the names of fields."""
    measured: Callable[..., Iterator[Batch]]
    """The same for the split on which the result of the job stands."""


def rule_metrics(task: Any, predicted: Iterable[tuple[Tensor, Tensor]]) -> dict[str, float]:
    """The metrics of a `PerSampleTask` for the outputs [n, K] of a rule and their targets."""
    sums, collected, collects = None, [], getattr(task, "collects", False)
    for outputs, targets in predicted:
        found = task.sums(outputs, targets)
        sums = found if sums is None else sums + found
        collected += [task.collect(outputs, targets)] if collects else []
    summary = task.summarise(sums, collected) if collects else task.summarise(sums)
    return {name: float(f"{value:.{DIGITS}g}") for name, value in summary.metrics.items()}


def is_linear(data: Manifest) -> bool:
    """Whether the inputs are numbers of a table, and few enough to fit a linear model to them."""
    num_samples = data.splits["train"].num_samples if "train" in data.splits else 0
    return data.x.kind == "vector" and 0 < num_samples * prod(data.x.shape) ** 2 <= MOST_PRODUCTS


def scaled(x: Field, batch: Batch) -> Numbers:
    """The inputs [n, d] of a batch, with mean 0 and deviation 1 over the training samples."""
    inputs: Numbers = batch.tensor("x").double().numpy()
    mean, std = (np.array(values, np.float64) for values in (x.mean or (0.0,), x.std or (1.0,)))
    found: Numbers = (inputs - mean) / std
    return found


def fit_linear(samples: Iterable[tuple[Numbers, Numbers]], inputs: int, outputs: int) -> Numbers:
    """The weights [d + 1, K] of ridge regression, the last line of which is the constant.

    Source: Hoerl and Kennard 1970. Only sums of products are kept, [d + 1, d + K + 1].

    Args:
        samples: inputs [n, d] with mean 0 and deviation 1, and targets [n, K], some at a time.
        inputs: d.
        outputs: K.
    """
    products, answers = np.zeros((inputs + 1,) * 2), np.zeros((inputs + 1, outputs))
    for x, y in samples:
        with_one = np.hstack([x, np.ones((len(x), 1))])
        products += with_one.T @ with_one
        answers += with_one.T @ y
    products[np.arange(inputs), np.arange(inputs)] += RIDGE
    weights: Numbers = np.linalg.solve(products, answers).astype(np.float64)
    return weights


def apply_linear(weights: Numbers, x: Numbers) -> Tensor:
    """The outputs [n, K] for inputs [n, d]."""
    return torch.from_numpy(x @ weights[:-1] + weights[-1])
