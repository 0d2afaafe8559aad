"""The counters of the loop: they and the vectors are what a checkpoint holds."""

from dataclasses import replace

from torch import Tensor

from distnet.run_folder.sample_digest import SampleDigest
from distnet.tasks.task import phases_of
from distnet.train.checkpoint.checkpoint import State
from distnet.train.checkpoint.extra_state import extra_tensors
from distnet.train.checkpoint.feed_state import feed_tensors
from distnet.train.checkpoint.position import Anchor, Position
from distnet.train.compute.evaluate import Evaluation
from distnet.train.compute.trainee import Trainee
from distnet.train.device.fingerprint import distinct
from distnet.train.early_stopping import watch, why_enough
from distnet.train.exchange.worker_group import WorkerGroup, gather
from distnet.train.progress import Progress


class LoopState:
    """Where training is; the same on every worker.

    Args:
        trainee: what trains.
        position: where the attempt begins.
    """

    def __init__(self, trainee: Trainee, position: Position) -> None:
        self._trainee = trainee
        self.step = position.step
        self.used = position.used
        """The samples of the epoch so far that moved the weights."""
        self.skipped = position.skipped
        """Those that did not, because loss or gradient were not finite."""
        self.num_nonfinite = position.num_nonfinite
        """How many steps in a row were skipped just before this one."""
        self.watched = position.watched
        """What early stopping knows of the evaluations."""
        self.progress = Progress(
            phases_of(trainee.task), position.epoch_sums, position.epoch_samples
        )
        self.anchor = position.anchor if trainee.job.train.on_nonfinite == "rewind" else None
        """Where to rewind to."""
        self.is_ended = False
        """Whether a callback has ended training after the newest step."""
        trainee.gradient.pieces = position.pieces or trainee.gradient.pieces

    @property
    def epoch(self) -> int:
        """The epoch of the next step, from 0."""
        return self.step // self._trainee.feed.steps_per_epoch

    @property
    def is_end_of_epoch(self) -> bool:
        """Whether the last step was the last of an epoch."""
        return self.step % self._trainee.feed.steps_per_epoch == 0

    @property
    def is_done(self) -> bool:
        """Whether all steps are made, or training is stopped early."""
        return self.step >= self._trainee.num_steps or self.stopped_early is not None

    @property
    def stopped_early(self) -> str | None:
        """Why training ends before its last step; None while it does not."""
        if self.step >= self._trainee.num_steps:
            return None
        if self.is_ended:
            return f"stopped early at step {self.step:,} by a callback"
        return why_enough(self._trainee.job.train.early_stopping, self.watched)

    @property
    def name(self) -> str:
        """The next step, counted from 1: `step 938 (epoch 1)`."""
        return f"step {self.step + 1} (epoch {self.epoch + 1})"

    def count(self, sums: dict[str, tuple[float, ...]], samples: SampleDigest) -> None:
        """Count a step that moved the weights, from the sums of each of its phases."""
        self.used, self.num_nonfinite = self.used.plus(samples), 0
        weight = next(iter(sums.values()), (0.0, 0.0))[1]
        self.progress.add(sums, samples.num_samples or round(weight))

    def skip(self, samples: SampleDigest) -> int:
        """Count a step that moved nothing; a job that rewinds returns to its anchor.

        Returns:
            The step with whose weights training continues.
        """
        self.skipped = self.skipped.plus(samples)
        return self.step if self.anchor is None else self._rewind(self.anchor)

    def keep_anchor(self) -> None:
        """Copy the state of a step to which the job may rewind."""
        job = self._trainee.job
        if job.train.on_nonfinite != "rewind" or job.checkpoint.every_steps is None:
            return
        if self.anchor is None or self.step % job.checkpoint.every_steps == 0:
            here = replace(self.position(), anchor=None)
            self.anchor = Anchor.take(self._trainee, here, self.anchor)

    def count_evaluation(self, epoch: int, evaluation: Evaluation) -> None:
        """Count the evaluation after an epoch, counted from 1."""
        spec, declared = self._trainee.job.train.early_stopping, self._trainee.task.metrics
        self.watched = watch(spec, declared, self.watched, epoch, evaluation.metrics)

    def begin_epoch(self) -> None:
        """Count the samples and sums of an epoch from zero."""
        self.used = self.skipped = SampleDigest()
        self.progress.begin_epoch()

    def position(self) -> Position:
        """Where training is."""
        is_here = self.anchor is not None and self.anchor.position.step == self.step
        return Position(
            step=self.step,
            epoch_sums=self.progress.epoch_sums,
            epoch_samples=self.progress.epoch_samples,
            used=self.used,
            skipped=self.skipped,
            num_nonfinite=self.num_nonfinite,
            updates={name: o.num_updates for name, o in self._trainee.optimizers.items()},
            pieces=self._trainee.gradient.pieces,
            num_steps=self._trainee.num_steps,
            watched=self.watched,
            anchor=None if is_here else self.anchor,
        )

    def checkpoint(self, group: WorkerGroup, own: range) -> State:
        """All that must survive a restart; the tensors are the live ones.

        Where the feed has a state, all workers of `group` must call this at the same step, with
        their `own` slices.
        """
        trainee, position = self._trainee, self.position()
        vectors = trainee.state()
        if position.anchor is not None:
            vectors |= position.anchor.tensors
        vectors |= _feed_state(trainee, group, own) | extra_tensors(trainee.flat.network)
        facts = position.facts() | {"devices": distinct(group.fingerprints)}
        return State(self.step, trainee.flat.weights(), vectors, facts)

    def _rewind(self, anchor: Anchor) -> int:
        """Take weights, optimizers and buffers of the anchor, but not its position in the data."""
        anchor.go_back(self._trainee)
        then = anchor.position
        epoch_began = self.epoch * self._trainee.feed.steps_per_epoch
        if then.step < epoch_began:
            then = Position(epoch_began)
        taken = self.used.plus(self.skipped)
        self.used, self.skipped = then.used, taken.minus(then.used)
        self.progress.rewind(then.epoch_sums, then.epoch_samples)
        return anchor.position.step


def _feed_state(trainee: Trainee, group: WorkerGroup, own: range) -> dict[str, Tensor]:
    feed = trainee.feed
    if not feed.has_state:
        return {}
    every = gather(group, {index: feed.state(index) for index in own})
    return feed_tensors({index: state for of_worker in every for index, state in of_worker.items()})
