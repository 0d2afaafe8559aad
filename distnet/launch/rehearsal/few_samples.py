"""A few samples of a job, read without opening whole splits where that is possible."""

from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from distnet.data.batch import Batch
from distnet.data.column import select
from distnet.data.evaluation_split import evaluation_split
from distnet.data.folds import TRAIN, stored_split
from distnet.data.manifest import Manifest
from distnet.data.order import Batches
from distnet.data.samples import as_tensors
from distnet.data.shards import ShardReader
from distnet.spec.code.own_errors import refusal
from distnet.spec.sections.job import Job
from distnet.tasks.task import Networks, Task, phases_of
from distnet.train.compute.feeds import open_samples
from distnet.train.compute.generators import seed_generators
from distnet.train.compute.turn import num_draws
from distnet.train.feed import (
    DatasetEvaluationFeed,
    DatasetFeed,
    EvaluationFeed,
    Feed,
    checked_evaluation_feed,
)

NUM_SAMPLES = 16
"""Of a slice and of an evaluation; fewer where the job's slices are smaller."""
NUM_EPISODES = 2
"""Of an evaluation whose samples the task makes."""
MOST_READ = 4096
"""The rows of a row group among which samples are chosen."""


@dataclass(frozen=True)
class FewSamples:
    """Gives a few samples of a job."""

    job: Job
    folder: Path
    """Of the job file."""
    dataset: Path | None
    data: Manifest | None
    """As stored; None where the task makes its own samples."""
    feed: Feed | None
    """That of a task which makes its own samples; None where they are the dataset's."""

    def first_slices(self, task: Task, networks: Networks) -> list[Batch]:
        """The first slice of a training; of a task that compares slices, all of the first step.

        Where neither view nor sampler nor task make anything of which samples come together, a few
        of the dataset stand for the slice.
        """
        num_slices = self.job.num_slices if hasattr(task, "embed") else 1
        if self.feed is not None:
            return [_taken(self.job, self.feed, index, networks) for index in range(num_slices)]
        assert self.dataset is not None
        assert self.data is not None
        if num_slices == 1 and self.job.data.view is None and self.job.data.sampler is None:
            size = self.job.train.batch_size // self.job.num_slices // self.job.train.accumulate
            return [self._spread("train", max(2, min(NUM_SAMPLES, size)))]
        with closing(self._opened(self.dataset, self.data, num_draws(phases_of(task)))) as feed:
            return [feed.take(0, index, 0, networks) for index in range(num_slices)]

    @contextmanager
    def evaluation(self, task: Task) -> Iterator[EvaluationFeed]:
        """A few samples of the split that is measured, else of the training split."""
        make = getattr(task, "evaluation_feed", None)
        if make is not None:
            with closing(checked_evaluation_feed(make(self.job))) as feed:
                yield FirstSamples(feed, NUM_EPISODES)
            return
        assert self.dataset is not None
        assert self.data is not None
        split = evaluation_split(self.job, self.data) or TRAIN
        stored = stored_split(self.job, split)
        split, stored = (split, stored) if self.data.splits[stored].num_samples else (TRAIN, TRAIN)
        if self.job.data.view is None:
            yield BatchFeed(self._spread(stored, min(NUM_SAMPLES, self.job.evaluate.batch_size)))
            return
        opened = open_samples(self.job, self.dataset, self.data, split, self.folder, seed=None)
        with closing(DatasetEvaluationFeed(opened)) as whole:
            yield FirstSamples(whole, NUM_SAMPLES)

    def _spread(self, split: str, count: int) -> Batch:
        """Samples at equal distances in the first row group."""
        assert self.dataset is not None
        assert self.data is not None
        reader = ShardReader(self.dataset, self.data, split)
        columns = reader.read_group(0)
        num_rows = min(MOST_READ, reader.groups[0].num_samples)
        rows = np.linspace(0, num_rows - 1, min(count, num_rows)).astype(np.int64)
        fields = reader.fields.items()
        return Batch({name: as_tensors(select(columns[name], rows), f) for name, f in fields})

    def _opened(self, dataset: Path, data: Manifest, draws: int) -> DatasetFeed:
        job = self.job
        samples = open_samples(job, dataset, data, "train", self.folder, seed=job.train.seed)
        num_samples, size = samples.order.num_samples, job.train.batch_size * draws
        return DatasetFeed(samples, Batches(num_samples, size, job.num_slices), draws)


class BatchFeed:
    """The samples of a batch, as an evaluation feed."""

    def __init__(self, batch: Batch) -> None:
        self._batch, self.length = batch, len(batch)

    def take(self, low: int, high: int, networks: Networks) -> Batch:  # noqa: ARG002
        """The samples `low` to `high` (exclusive)."""
        return self._batch.slice(low, high)

    def close(self) -> None:
        """Nothing to release."""


class FirstSamples:
    """The first samples of another evaluation feed, which somebody else closes."""

    def __init__(self, feed: EvaluationFeed, count: int) -> None:
        self._feed, self.length = feed, min(feed.length, count)

    def take(self, low: int, high: int, networks: Networks) -> Batch:
        """The samples `low` to `high` (exclusive)."""
        batch = self._feed.take(low, high, networks)
        if not isinstance(batch, Batch) or len(batch) != high - low:
            raise refusal(self._feed, "take", batch, f"a Batch of {high - low} samples")
        return batch

    def close(self) -> None:
        """Nothing to release."""


def _taken(job: Job, feed: Feed, index: int, networks: Networks) -> Batch:
    """A slice of a task's own samples, and its state as a checkpoint would hold it."""
    seed_generators(next(networks["network"].parameters()).device, job.train.seed, 0, index, -1, 0)
    batch = feed.take(0, index, 0, networks)
    if not isinstance(batch, Batch):
        raise refusal(feed, "take", batch, "a Batch, of distnet.data.batch")
    state = feed.state(index)
    if not isinstance(state, bytes):
        raise refusal(feed, "state", state, "bytes")
    return batch
