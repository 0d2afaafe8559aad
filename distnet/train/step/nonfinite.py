"""Losses and gradients that are not finite: all workers find the samples that caused it.

The total of a step is the same everywhere, so all workers see it at the same step. The weights have
not moved, so each worker computes its own slices again and gets the same values.
"""

import math
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from typing import Any

import torch
from torch import Tensor

from distnet.data.batch import Batch
from distnet.errors import NonFiniteError
from distnet.run_folder.workers.heartbeat import Stage
from distnet.train.compute.player import Player
from distnet.train.compute.row import Total
from distnet.train.compute.slice_gradient import own_copy, weigh
from distnet.train.compute.trainee import Trainee
from distnet.train.compute.turn import SliceId
from distnet.train.exchange.worker_group import WorkerGroup, gather
from distnet.train.inventory.buffers import Buffers

MOST_IN_A_ROW = 10
MOST_NAMED = 20
Size = Callable[[int, int], float]
"""The largest number in the gradient of some samples of a slice; infinite if it is not finite."""


@dataclass(frozen=True)
class Culprit:
    """The slice that caused it, and which of its samples."""

    slice: int
    samples: tuple[int, ...]
    """Their ids, MOST_NAMED at most; all of the slice where only their sum is not finite."""
    num_samples: int
    """How many there are."""
    size: float
    """The largest number in the slice's gradient; infinite if it is not finite."""

    @property
    def text(self) -> str:
        """The slice and the samples, for messages."""
        if not self.samples:
            return f"slice {self.slice}"
        more = f" and {self.num_samples - MOST_NAMED} more" if self.num_samples > MOST_NAMED else ""
        plural = "" if self.num_samples == 1 else "s"
        return f"slice {self.slice}, sample{plural} {', '.join(map(str, self.samples))}{more}"


@dataclass(frozen=True)
class Skipped:
    """A step that moved nothing."""

    mode: str
    """`skip` or `rewind`."""
    step: int
    """Counted from 1."""
    from_step: int
    """Training continues with the weights of this step."""
    slice: int
    samples: tuple[int, ...]
    num_samples: int
    reason: str

    @classmethod
    def of(cls, culprit: Culprit, mode: str, step: int, from_step: int, reason: str) -> "Skipped":
        """The step that was skipped because of a slice."""
        found = (culprit.slice, culprit.samples, culprit.num_samples)
        return cls(mode, step, from_step, *found, reason)

    def to_dict(self) -> dict[str, Any]:
        """Plain values of its record."""
        return asdict(self) | {"samples": list(self.samples)}


def is_finite(total: Total) -> bool:
    """Whether loss, gradient and buffers are finite; without weight there is nothing to check."""
    if not total.weight:
        return True
    return math.isfinite(total.loss) and math.isfinite(total.norm) and total.are_buffers_finite


def reason(total: Total, buffers: Buffers) -> str:
    """What is not finite; the buffers are those that the phase moves."""
    if not math.isfinite(total.loss):
        return f"the loss is {_spelled(total.loss)}"
    if not math.isfinite(total.norm):
        return f"the norm of the gradient is {_spelled(total.norm)}"
    names, sizes = zip(*buffers.parts(), strict=True)
    changes = torch.split(total.buffers, list(sizes))
    worst = next(i for i, change in enumerate(changes) if not torch.isfinite(change).all())
    return f"the change of buffer {names[worst]} is {_spelled(float(changes[worst].sum()))}"


def require_allowed(
    mode: str, num_in_a_row: int, *, where: str, culprit: Culprit, reason: str
) -> None:
    """Check whether training may continue without an update.

    Args:
        mode: `train.on_nonfinite`.
        num_in_a_row: how many steps in a row were not finite, this one included.
        where: this step, for messages.
        culprit: the slice that caused it.
        reason: what is not finite.

    Raises:
        NonFiniteError: it may not.
    """
    what = f"{where}: {reason}: {culprit.text}; the weights were not changed"
    advice = "Lower optimizer.learning_rate, set train.clip, or inspect these samples"
    if mode == "stop":
        raise NonFiniteError(
            f"{what}. {advice}; with train.on_nonfinite: skip training continues without them"
        )
    if num_in_a_row >= MOST_IN_A_ROW:
        raise NonFiniteError(f"{what}, in {num_in_a_row} steps in a row. {advice}")


def find_culprit(
    trainee: Trainee,
    group: WorkerGroup,
    batches: Mapping[SliceId, Batch],
    stay: Callable[[Stage], None],
) -> Culprit:
    """Find the first slice that is not finite, or the largest if only the sum of all is not.

    Args:
        trainee: what trains.
        group: the workers; all of them must call this.
        batches: the samples of each slice of this worker.
        stay: called repeatedly meanwhile.
    """
    mine = [_inspect(trainee, of, batch, stay) for of, batch in batches.items()]
    every = [culprit for of_worker in gather(group, mine) for culprit in of_worker]
    return max(every, key=lambda culprit: (culprit.size, -culprit.slice))


def _inspect(trainee: Trainee, of: SliceId, batch: Batch, stay: Callable[[Stage], None]) -> Culprit:
    gradient, num_samples, phase = trainee.gradient, len(batch), of.turn.phase
    player = trainee.flat.players[phase.player]
    batch = gradient.prepared(of, batch)
    largest, bad = 0.0, list[int]()

    def size(first: int, end: int) -> float:
        stay(Stage.COMPUTING)
        samples = own_copy(batch.slice(first, end))
        try:
            value, _ = weigh(gradient.loss(samples, phase), phase, end - first)
        except ValueError:
            # Batch normalisation takes no single sample: name all that were computed together.
            return 0.0
        return _largest(value, player) if gradient.buffers.are_finite(player) else math.inf

    for first, end in gradient.bounds(num_samples):
        largest = max(largest, size(first, end))
        bad += _blame(size, first, end)
    ids = trainee.feed.ids(of.step, of.slice, of.turn.draw)
    found = tuple(ids[i] for i in bad[:MOST_NAMED]) if ids else ()
    return Culprit(of.slice, found, len(bad), largest)


def _largest(loss: Tensor, player: Player) -> float:
    """The largest number in the gradient of a loss; infinite if something is not finite."""
    if not torch.isfinite(loss):
        return math.inf
    largest = float(torch.cat(player.gradients(loss)).abs().max())
    return largest if math.isfinite(largest) else math.inf


def _blame(size: Size, low: int, high: int) -> list[int]:
    """Those of the samples low..high that are not finite by themselves, by halves.

    Where only several together are not, all of these: as with a sum that is too large, or a
    network that normalises a batch.
    """
    if math.isfinite(size(low, high)):
        return []
    middle = (low + high) // 2
    halves = _blame(size, low, middle) + _blame(size, middle, high) if high - low > 1 else []
    return halves or list(range(low, high))


def _spelled(value: float) -> str:
    return "NaN" if math.isnan(value) else "infinite"
