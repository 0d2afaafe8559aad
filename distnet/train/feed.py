"""Where the batches of training and of evaluation come from.

A dataset's samples depend on (manifest, seed, step) alone, so `DatasetFeed` has no state. A feed
that makes its samples (an environment with replay) keeps a state for each slice; the worker that
owns a slice advances it, and the states of all slices are part of every checkpoint, so training
continues on any number of workers.
"""

from typing import Any, Protocol

from distnet.data.batch import Batch
from distnet.data.order import Batches
from distnet.data.samples import Samples
from distnet.errors import PartError
from distnet.run_folder.sample_digest import SampleDigest
from distnet.spec.code.own_errors import described, require_members
from distnet.tasks.task import Networks


class Feed(Protocol):
    """Provides the samples of each slice of each step.

    Optional member:
        slice_bytes: what the state of a slice takes in memory, for the plan of a job.
    """

    steps_per_epoch: int
    """Steps after which an epoch is reported, and evaluated where that is due."""
    has_state: bool
    """Whether the feed has a state."""

    def take(self, step: int, index: int, draw: int, networks: Networks) -> Batch:
        """The samples of slice `index` of `step` (both from 0), of one of the step's batches.

        Called once, in the order of the steps, by the worker that owns the slice; the global
        generators were seeded by (seed, step, slice). Now and then the guard takes a slice
        again, on this worker or on another; a feed with a state is restored before.
        """
        ...

    def digest(self, step: int, slices: range) -> SampleDigest:
        """Which samples of a dataset these slices of `step` take; empty where there is none."""
        ...

    def ids(self, step: int, index: int, draw: int) -> tuple[int, ...]:
        """The samples that `take` gives, by their index in the split; empty where there is none."""
        ...

    def state(self, index: int) -> bytes:
        """Everything that slice `index` needs to continue after a restart."""
        ...

    def restore(self, index: int, state: bytes) -> None:
        """Continue from a value of `state`."""
        ...

    def close(self) -> None:
        """Release files, threads and environments."""
        ...


class EvaluationFeed(Protocol):
    """Provides the samples that a network is measured on."""

    length: int
    """Samples (or episodes) of an evaluation."""

    def take(self, low: int, high: int, networks: Networks) -> Batch:
        """The samples `low` to `high` (exclusive)."""
        ...

    def close(self) -> None:
        """Release files, threads and environments."""
        ...


FEED = ("steps_per_epoch", "has_state", "take", "digest", "ids", "state", "restore", "close")
EVALUATION_FEED = ("length", "take", "close")


def checked_feed(feed: Any) -> Feed:
    """A feed of a user's own task.

    Raises:
        PartError: it is incomplete.
    """
    require_members(feed, "the task's feed", FEED)
    _require_count(feed, "steps_per_epoch")
    found: Feed = feed
    return found


def checked_evaluation_feed(feed: Any) -> EvaluationFeed:
    """An evaluation feed of a user's own task.

    Raises:
        PartError: it is incomplete.
    """
    require_members(feed, "the task's evaluation_feed", EVALUATION_FEED)
    _require_count(feed, "length")
    found: EvaluationFeed = feed
    return found


class DatasetFeed:
    """Samples of a dataset: every sample once an epoch, in the order that `samples` has.

    Args:
        samples: of the training split.
        batches: how an epoch is cut into steps and slices.
        draws: batches a step: its samples are shared out among them.
    """

    has_state = False

    def __init__(self, samples: Samples, batches: Batches, draws: int = 1) -> None:
        self.samples, self.batches, self._draws = samples, batches, draws
        self.steps_per_epoch = batches.steps_per_epoch

    def take(self, step: int, index: int, draw: int, networks: Networks) -> Batch:  # noqa: ARG002
        """The samples of a slice, or its share for one of the step's batches."""
        return self.samples.take(*self._positions(step, index, draw))

    def digest(self, step: int, slices: range) -> SampleDigest:
        """All samples of slices that follow one another."""
        epoch, batch = divmod(step, self.steps_per_epoch)
        low, _ = self.batches.slice(batch, slices.start)
        _, high = self.batches.slice(batch, slices.stop - 1)
        return self.samples.digest(epoch, low, high)

    def ids(self, step: int, index: int, draw: int) -> tuple[int, ...]:
        """The samples that `take` gives, by their index in the split."""
        return tuple(self.samples.order.ids(*self._positions(step, index, draw)).tolist())

    def state(self, index: int) -> bytes:  # noqa: ARG002
        """Empty: the step determines everything."""
        return b""

    def restore(self, index: int, state: bytes) -> None:
        """Nothing to do."""

    def close(self) -> None:
        """Release the reading thread."""
        self.samples.close()

    def _positions(self, step: int, index: int, draw: int) -> tuple[int, int, int]:
        """The epoch, and the first position and the end in it."""
        epoch, batch = divmod(step, self.steps_per_epoch)
        low, high = self.batches.slice(batch, index)
        if self._draws == 1:
            return epoch, low, high
        size = high - low
        return epoch, low + draw * size // self._draws, low + (draw + 1) * size // self._draws


class DatasetEvaluationFeed:
    """The samples of a split, or the first `most` of them, in the order of the dataset."""

    def __init__(self, samples: Samples, most: int | None = None) -> None:
        self.samples, num_samples = samples, samples.order.num_samples
        self.length = num_samples if most is None else min(most, num_samples)

    def take(self, low: int, high: int, networks: Networks) -> Batch:  # noqa: ARG002
        """The samples `low` to `high` (exclusive)."""
        return self.samples.take(0, low, high)

    def close(self) -> None:
        """Release the reading thread."""
        self.samples.close()


def _require_count(feed: Any, name: str) -> None:
    count = getattr(feed, name)
    if isinstance(count, bool) or not isinstance(count, int) or count < 1:
        expected = "a whole number above 0"
        raise PartError(
            f"{type(feed).__name__}.{name}: found {described(count)}, expected {expected}"
        )
