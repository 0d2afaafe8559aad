"""Predict one or more numbers for each sample.

Letters: n samples, K numbers.
"""

from collections.abc import Sequence
from math import isnan, prod
from typing import Any, Literal

import numpy as np
import torch
from torch import Tensor

from distnet.data.batch import Batch
from distnet.data.manifest import Manifest
from distnet.run_folder.figures import Cell, Figure, Table
from distnet.spec.metric import Baseline, Metric
from distnet.spec.plural import counted
from distnet.spec.sections.section import PositiveFloat
from distnet.tasks.baseline import (
    Known,
    Numbers,
    apply_linear,
    fit_linear,
    is_linear,
    rule_metrics,
    scaled,
)
from distnet.tasks.targets._agreement import MOST_SHOWN, agreement
from distnet.tasks.task import Summary

__all__ = ("Regress",)

SUMS = ("absolute", "squared", "targets", "squared_targets")
"""The last two: of the distances from the mean over the training split."""


class Regress:
    """Distance to the numbers of the dataset; the mean absolute error (mae) is the headline metric.

    The network gives each number in standard deviations from its mean over the training split, so
    that prices of houses are learned as fast as their ages. The loss is in these units; metrics and
    predictions are in those of the data.

    Args:
        loss: what training minimises: the squared error, the absolute one, or `huber`, which is
            squared up to `delta` and linear beyond, so that outliers weigh less.
        delta: where `huber` becomes linear, in standard deviations of the targets (Huber 1964).

    Raises:
        ValueError: the dataset's targets are not numbers.
    """

    metrics = (Metric("mae"), Metric("rmse"), Metric("r2", direction="higher"))
    training = ("mae",)
    collects = True

    def __init__(
        self,
        data: Manifest,
        *,
        loss: Literal["mse", "mae", "huber"] = "mse",
        delta: PositiveFloat = 1.0,
    ) -> None:
        if data.y.kind != "number":
            raise ValueError(
                f"task regress needs numbers as targets, but those of {data.name!r} are "
                f"{_described(data)}"
            )
        self.num_outputs = prod(data.y.shape)
        self.names = _names(data)
        self._mean = _numbers(data.y.mean or (0.0,) * self.num_outputs)
        self._std = _numbers(data.y.std or (1.0,) * self.num_outputs)
        self._origin = torch.tensor(data.y.origin, dtype=torch.float64)
        self._data = data
        self._loss = loss
        self._delta = delta

    def losses(self, outputs: Tensor, targets: Tensor) -> Tensor:
        """Return the mean loss over the numbers of each sample, [n]."""
        numbers, (mean, std) = targets.reshape(outputs.shape), self._scale(outputs.device)
        errors = outputs - (numbers - mean) / std
        match self._loss:
            case "mse":
                losses = errors.square()
            case "mae":
                losses = errors.abs()
            case "huber":
                near = errors.abs().clamp_max(self._delta)
                losses = near * (errors.abs() - near / 2)
        return losses.mean(1)

    def scores(self, outputs: Tensor, targets: Tensor) -> dict[str, Tensor]:
        """Return the mean absolute error of each sample, [n]."""
        return {"mae": self._errors(outputs, targets).abs().mean(1)}

    def sums(self, outputs: Tensor, targets: Tensor) -> Tensor:
        """Return [n, then the `SUMS` of each of the K numbers], float64."""
        errors = self._errors(outputs, targets).double()
        # From their training mean: squares of large numbers would lose the variance.
        mean, _ = self._scale(outputs.device)
        numbers = targets.reshape(len(outputs), -1).double() - mean.double()
        columns = (errors.abs(), errors.square(), numbers, numbers.square())
        return torch.cat([errors.new_tensor([len(outputs)]), *(c.sum(0) for c in columns)])

    def collect(self, outputs: Tensor, targets: Tensor) -> bytes:
        """Return the first numbers as stored, actual and predicted, as fp32 [n, k, 2]."""
        actual, predicted = targets.reshape(outputs.shape), self._as_stored(outputs)
        pairs = torch.stack([actual, predicted], 2)[:, :MOST_SHOWN]
        return pairs.cpu().float().numpy().tobytes()

    def summarise(self, sums: Tensor, collected: Sequence[bytes]) -> Summary:
        """Return mae, rmse and r2 (a mean over the K numbers), those of each, and all samples."""
        num_samples = float(sums[0])
        columns = sums[1:].reshape(len(SUMS), self.num_outputs).T.tolist()
        rows = [_figures(num_samples, *column) for column in columns]
        metrics = {
            "mae": _mean([row["mae"] for row in rows]),
            "rmse": _mean([row["rmse"] ** 2 for row in rows]) ** 0.5,
            "r2": _mean([row["r2"] for row in rows]),
        }
        named = zip(self.names, rows, strict=True)
        lines: list[tuple[Cell, ...]] = [(name, *row.values()) for name, row in named]
        table = Table("Errors of each number", ("number", *metrics), tuple(lines))
        return Summary(metrics, (*self._agreement(collected), table))

    def _agreement(self, collected: Sequence[bytes]) -> tuple[Figure, ...]:
        num_shown = min(self.num_outputs, MOST_SHOWN)
        stored = np.frombuffer(b"".join(collected), np.float32).astype(np.float64)
        pairs = stored.reshape(-1, num_shown, 2)
        if len(self._origin):
            pairs += self._origin[:num_shown, None].numpy()
        return agreement(self.names, pairs)

    def baseline(self, known: Known) -> Baseline:
        """Return what ridge regression on the numbers of a table reaches; else, what the mean does.

        The mean stands in where samples are no vectors, or too many to fit them in seconds.
        """
        if not is_linear(self._data):
            targets = (batch.tensor("y") for batch in known.measured("y"))
            of_mean = ((torch.zeros(len(y), self.num_outputs), y) for y in targets)
            return Baseline("mean", rule_metrics(self, of_mean))
        x = self._data.x
        of_train = ((scaled(x, batch), self._targets(batch)) for batch in known.train("x", "y"))
        weights = fit_linear(of_train, prod(x.shape), self.num_outputs)
        batches = known.measured("x", "y")
        predicted = ((apply_linear(weights, scaled(x, b)), b.tensor("y")) for b in batches)
        return Baseline("linear model", rule_metrics(self, predicted))

    def _targets(self, batch: Batch) -> Numbers:
        """[n, K], in deviations from the mean."""
        targets = batch.tensor("y").double().reshape(len(batch), -1)
        found: Numbers = ((targets - self._mean) / self._std).numpy()
        return found

    def prediction(self, output: Tensor) -> dict[str, Any]:
        """Return one output [K] as numbers, and by their names."""
        values = self.in_units(output).tolist()
        return {"value": values, "values": dict(zip(self.names, values, strict=True))}

    def in_units(self, outputs: Tensor) -> Tensor:
        """Convert outputs [..., K] from standard deviations to the units of the data.

        They are float64 where the data is stored relative to an origin, which float32 cannot hold.
        """
        stored = self._as_stored(outputs)
        return stored + self._origin.to(stored.device) if len(self._origin) else stored

    def _as_stored(self, outputs: Tensor) -> Tensor:
        mean, std = self._scale(outputs.device)
        return outputs * std + mean

    def _scale(self, device: torch.device) -> tuple[Tensor, Tensor]:
        """Mean and deviation, copied to a device once: a GPU waits for each copy."""
        if self._mean.device != device:
            self._mean, self._std = self._mean.to(device), self._std.to(device)
        return self._mean, self._std

    def _errors(self, outputs: Tensor, targets: Tensor) -> Tensor:
        return self._as_stored(outputs) - targets.reshape(outputs.shape)


def _described(data: Manifest) -> str:
    if data.y.kind == "class":
        return f"{counted(len(data.y.classes), 'class', 'classes')}; use task: {{kind: classify}}"
    return f"of kind {data.y.kind}, which needs a task of your own"


def _numbers(values: Sequence[float]) -> Tensor:
    """In fp32, whatever a user's file has made torch's default type."""
    return torch.tensor(values, dtype=torch.float32)


def _names(data: Manifest) -> tuple[str, ...]:
    count = prod(data.y.shape)
    if len(data.y.names) == count:
        return data.y.names
    return tuple(f"y{i}" for i in range(count))


def _figures(
    num_samples: float, absolute: float, squared: float, total: float, total_squared: float
) -> dict[str, float]:
    spread = total_squared - total**2 / num_samples
    return {
        "mae": absolute / num_samples,
        "rmse": (squared / num_samples) ** 0.5,
        "r2": _explained(squared, spread, total_squared),
    }


def _explained(squared: float, spread: float, total_squared: float) -> float:
    """The part of the variance that is explained, as scikit-learn has it.

    Targets that are all equal, except for rounding, have none: 1 for a perfect prediction, else 0.
    """
    if isnan(squared):
        return squared
    if spread > 1e-12 * total_squared:
        return 1 - squared / spread
    return 0.0 if squared else 1.0


def _mean(values: list[float]) -> float:
    return sum(values) / len(values)
