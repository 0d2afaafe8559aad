"""Losses and gradients that are no numbers: which samples did it, told by all workers alike.

The total of a step is the same everywhere, so all workers see it at the same step. The weights have
not moved, so each worker computes its own slices again and gets the same values.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from distnet.errors import NonFiniteError
from distnet.run_folder.heartbeat import Stage
from distnet.train.compute.row import Total
from distnet.train.compute.slice_gradient import gradients
from distnet.train.compute.trainee import Trainee
from distnet.train.exchange.worker_group import WorkerGroup, gather
from distnet.train.step.step_index import Place

MOST_IN_A_ROW = 10
MOST_TOLD = 20
Size = Callable[[int, int], float]
"""The largest number in the gradient of some samples of a slice; infinite if it is none."""


@dataclass(frozen=True)
class Culprit:
    """The slice that is to blame, and which of its samples."""

    slice: int
    samples: tuple[int, ...]
    """Their ids, MOST_TOLD at most; all of the slice where only their sum is no number."""
    num_samples: int
    """How many they are."""
    size: float
    """The largest number in the slice's gradient; infinite if it is none."""

    @property
    def text(self) -> str:
        """Which they are, for people."""
        more = f" and {self.num_samples - MOST_TOLD} more" if self.num_samples > MOST_TOLD else ""
        plural = "" if self.num_samples == 1 else "s"
        return f"slice {self.slice}, sample{plural} {', '.join(map(str, self.samples))}{more}"


def is_finite(total: Total) -> bool:
    """Whether loss and gradient are numbers."""
    return math.isfinite(total.loss) and math.isfinite(total.norm)


def reason(total: Total) -> str:
    """What is no number."""
    if not math.isfinite(total.loss):
        return f"the loss is {total.loss}"
    return f"the gradient's length is {total.norm}"


def require_allowed(
    mode: str, *, num_in_a_row: int, place: Place, culprit: Culprit, reason: str
) -> None:
    """Say whether training may go on without an update.

    Args:
        mode: `train.on_nonfinite`.
        num_in_a_row: how many updates in a row were no numbers, this one included.
        place: of this one.
        culprit: to blame for it.
        reason: what is no number.

    Raises:
        NonFiniteError: it may not.
    """
    what = f"{place.name}: {reason}: {culprit.text}; the weights were not changed"
    advice = "Lower optimizer.learning_rate, set train.clip, or look at these samples"
    if mode == "stop":
        raise NonFiniteError(f"{what}. {advice}; train.on_nonfinite can pass over such updates")
    if num_in_a_row >= MOST_IN_A_ROW:
        raise NonFiniteError(f"{what}, in {num_in_a_row} steps in a row. {advice}")


def find_culprit(
    trainee: Trainee,
    world: WorkerGroup,
    own: Sequence[int],
    place: Place,
    stay: Callable[[Stage], None],
) -> Culprit:
    """Find the first slice that is no number, or the largest if only the sum of all is none.

    Args:
        trainee: what trains.
        world: the workers; all of them have to call this.
        own: the slices of this worker.
        place: the step.
        stay: is told again and again that this goes on.
    """
    found = gather(world, [_inspect(trainee, place, index, stay) for index in own])
    every = [culprit for of_worker in found for culprit in of_worker]
    return max(every, key=lambda culprit: (culprit.size, -culprit.slice))


def _inspect(trainee: Trainee, place: Place, index: int, stay: Callable[[Stage], None]) -> Culprit:
    low, high = trainee.batches.slice(place.batch, index)
    x, y = trainee.samples.take(place.epoch, low, high)
    device, gradient = trainee.flat.vector.device, trainee.gradient
    x, y = gradient.prepare(place.step, index, x.to(device)), y.to(device)
    largest, bad = 0.0, list[int]()

    def size(first: int, end: int) -> float:
        stay(Stage.COMPUTING)
        try:
            return _size(trainee, gradient.losses(x[first:end].clone(), y[first:end]))
        except ValueError:  # batch normalisation takes no single sample: blame what it came with
            return 0.0

    for first, end in gradient.bounds(high - low):
        largest = max(largest, size(first, end))
        bad += _blame(size, first, end)
    ids = trainee.samples.order.ids(place.epoch, low, high)[bad]
    return Culprit(index, tuple(ids[:MOST_TOLD].tolist()), len(bad), largest)


def _size(trainee: Trainee, losses: Tensor) -> float:
    """The largest number in the gradient of these losses [n]; infinite if something is none."""
    loss = losses.sum()
    if not torch.isfinite(loss):
        return math.inf
    largest = float(torch.cat(gradients(loss, trainee.flat.parameters)).abs().max())
    return largest if math.isfinite(largest) else math.inf


def _blame(size: Size, low: int, high: int) -> list[int]:
    """Those of the samples low..high that are no numbers by themselves, by halves.

    Where only several together are none, all of these: as with a sum that is too large, or a
    network that normalises a batch.
    """
    if math.isfinite(size(low, high)):
        return []
    middle = (low + high) // 2
    halves = _blame(size, low, middle) + _blame(size, middle, high) if high - low > 1 else []
    return halves or list(range(low, high))
