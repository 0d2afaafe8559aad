"""The training loop, top to bottom.

    for each step:
        for each phase of the task (one, for most):
            for each slice of this worker: samples -> network -> loss -> gradient -> its row
            total = the sum of all rows, the same bits on every worker
            weights <- optimizer(weights, total / weight)
        or, where loss or gradient are not finite, or memory runs out: what the job says
    after each epoch: evaluate; now and then: checkpoint

Every worker holds the same weights and the same optimizer state at every step, so any of them could
write the checkpoint (rank 0 does), and nothing is ever broadcast.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial

import torch

from distnet.data.batch import Batch
from distnet.run_folder.heartbeat import Heartbeat, Stage
from distnet.run_folder.sample_digest import SampleDigest
from distnet.tasks.task import Phase, phases_of, shadows_of
from distnet.train.checkpoint.checkpoint import State
from distnet.train.checkpoint.feed_state import feed_tensors
from distnet.train.checkpoint.position import Anchor, Position
from distnet.train.checkpoint.saver import NullSaver, Saver, is_due_by_step
from distnet.train.compute.evaluate import Evaluation
from distnet.train.compute.optimizer import clip
from distnet.train.compute.row import Flags, Total, read_total
from distnet.train.compute.schedule import rate_factor
from distnet.train.compute.shadows import networks_for
from distnet.train.compute.slice_gradient import seed_generators
from distnet.train.compute.trainee import Trainee
from distnet.train.compute.turn import SliceId, Turn
from distnet.train.exchange.tree import own_slices
from distnet.train.exchange.worker_group import WorkerGroup, gather
from distnet.train.progress import Progress
from distnet.train.reporter import NullReporter, Reporter
from distnet.train.step.gathered import gather_embeddings
from distnet.train.step.nonfinite import (
    Skipped,
    find_culprit,
    is_finite,
    reason,
    require_allowed,
)
from distnet.train.step.out_of_memory import Shortage, agree_on_shortage, try_twice
from distnet.train.step.step_index import StepIndex
from distnet.train.step.undo import Undo

VIEWS_CHECKED_EVERY = 100


@dataclass(frozen=True)
class Outcome:
    """How the loop ended."""

    status: str
    """`finished` or `stopped`."""
    step: int
    evaluation: Evaluation | None
    evaluated_at: int
    """The step after which that was measured."""


class Loop:
    """Trains to the end, or until someone asks to stop.

    All that must survive a restart is `Position`, the weights, and the vectors of optimizers,
    shadows and feed: see `state`.
    """

    def __init__(
        self,
        trainee: Trainee,
        group: WorkerGroup,
        position: Position,
        heartbeat: Heartbeat,
        *,
        reporter: Reporter | None = None,
        saver: Saver | NullSaver | None = None,
        should_stop: Callable[[], bool] = lambda: False,
    ) -> None:
        self.trainee, self.group, self.heartbeat = trainee, group, heartbeat
        self.reporter, self.saver = reporter or NullReporter(), saver or NullSaver()
        self.should_stop, self.flags = should_stop, Flags()
        self.settings = {name: trainee.job.player(name) for name in trainee.flat.players}
        self.num_slices = trainee.job.num_slices
        self.own = own_slices(group.rank, group.size, self.num_slices)
        self.step = position.step
        self.used, self.skipped = position.used, position.skipped
        self.num_nonfinite = position.num_nonfinite
        self.anchor = position.anchor if trainee.job.train.on_nonfinite == "rewind" else None
        trainee.gradient.pieces = position.pieces or trainee.gradient.pieces
        phases = phases_of(trainee.task)
        self.progress = Progress(phases, position.epoch_sums, position.epoch_samples)
        self.undo = Undo(trainee)

    def run(self) -> Outcome:
        """Train.

        Raises:
            NonFiniteError: loss or gradient are not finite any more; the weights are untouched.
            OutOfMemoryError: a slice did not fit in a worker's memory; the weights are untouched.
        """
        trainee, steps_per_epoch = self.trainee, self.trainee.feed.steps_per_epoch
        evaluation: Evaluation | None = None
        evaluated_at = self.step
        self._keep_anchor()
        self.saver.prepare(self.state())
        self.heartbeat.begin(self.step)
        while self.step < trainee.num_steps and not self.flags.is_stop:
            self._train_step()
            is_evaluated = False
            if self.step % steps_per_epoch == 0 or self.step == trainee.num_steps:
                measured = self._end_epoch()
                if measured is not None:
                    evaluation, evaluated_at, is_evaluated = measured, self.step, True
            self._keep_anchor()
            is_due = is_due_by_step(trainee.job.checkpoint, self.step, is_evaluated)
            if self.flags.is_save or is_due:
                self._save()
        is_finished = self.step >= trainee.num_steps
        if evaluation is None and is_finished:
            evaluation, evaluated_at = self._evaluate(), self.step
        self._save()
        self.heartbeat.at(Stage.SAVING, limit_s=self.saver.patience_s)
        self.saver.flush()
        return Outcome(
            "finished" if is_finished else "stopped", self.step, evaluation, evaluated_at
        )

    def _train_step(self) -> None:
        """Make one step: every phase in turn, and all of them or none."""
        at = StepIndex.of(self.step, self.trainee.feed.steps_per_epoch)
        batches: dict[tuple[int, int], Batch] = {}
        totals: dict[str, tuple[float, ...]] = {}
        facts: dict[str, float] = {}
        self.undo.take()
        for turn in self.trainee.turns_at(self.step):
            mine = {SliceId(turn, self.step, i): self._batch(turn, i, batches) for i in self.own}
            total = self._reduce(turn.phase, mine, at)
            if not is_finite(total):
                self._pass_over(total, mine, at)
                break
            totals[turn.phase.name] = _sum(totals.get(turn.phase.name), total.sums)
            facts |= self._update(turn, total)
        else:
            self._moved(totals, facts, at)
        self.step += 1
        self.heartbeat.step(self.step)

    def _batch(self, turn: Turn, index: int, batches: dict[tuple[int, int], Batch]) -> Batch:
        """The samples of a slice for this update; taken once, however often they are used."""
        key = (turn.draw, index)
        if key not in batches:
            trainee = self.trainee
            if trainee.feed.has_state:
                seed = trainee.job.train.seed
                seed_generators(trainee.flat.vector.device, seed, self.step, index, -1, turn.draw)
            batches[key] = trainee.feed.take(self.step, index, turn.draw, trainee.networks)
        return batches[key]

    def _reduce(self, phase: Phase, batches: dict[SliceId, Batch], at: StepIndex) -> Total:
        """Compute this worker's slices, and add up those of all workers.

        Raises:
            OutOfMemoryError: a slice did not fit, and the job does not allow smaller pieces.
        """
        trainee, last = self.trainee, self.own[-1]
        layout, sum_ = trainee.layouts[phase.name], trainee.sums[phase.name]
        while True:
            gathered = gather_embeddings(trainee, self.group, batches)
            shortages: list[Shortage] = []
            for of, batch in batches.items():
                row = sum_.rows[of.slice]
                write = partial(trainee.gradient.write, row, of, batch, gathered.get(of.slice))
                problem = try_twice(write)
                if problem is not None:
                    row.zero_()
                    shortages.append(self._shortage(of.slice, len(batch), problem))
                row[layout.flags_start :].zero_()
                if of.slice == last:
                    self._flags(bool(shortages)).write(row)
                sum_.add_own(of.slice)
            self.heartbeat.at(Stage.SUMMING)
            total = read_total(sum_(), layout)
            self.flags = total.flags
            if not total.flags.is_out_of_memory:
                return total
            of, batch = next(iter(batches.items()))
            self.reporter.note(
                agree_on_shortage(trainee, self.group, shortages, at, (batch, of.turn))
            )
            self.heartbeat.stay(Stage.COMPUTING)

    def _flags(self, is_out_of_memory: bool) -> Flags:
        """What this worker says in its last row."""
        samples = SampleDigest()
        for index in self.own:
            samples = samples.plus(self.trainee.feed.digest(self.step, index))
        is_save = self.saver.is_due_by_time()
        return Flags(self.should_stop(), is_out_of_memory, is_save, samples)

    def _shortage(self, index: int, num_samples: int, reason: str) -> Shortage:
        pieces = self.trainee.gradient.pieces
        return Shortage(self.group.rank, index, num_samples, pieces, reason)

    def _update(self, turn: Turn, total: Total) -> dict[str, float]:
        """Move weights, optimizer and buffers of the player whose phase this is."""
        if not total.weight:
            return {}
        trainee, name = self.trainee, turn.phase.player
        settings = self.settings[name]
        clip(total.gradient, total.norm, settings.clip)
        factor = rate_factor(settings.schedule, self.step, trainee.num_steps)
        rate = settings.optimizer.learning_rate * factor
        trainee.optimizers[name].update(total.gradient, rate)
        trainee.gradient.apply_buffers(trainee.flat.players[name], total.buffers, self.num_slices)
        return {"learning_rate": rate, "gradient_norm": total.norm}

    def _moved(
        self, sums: dict[str, tuple[float, ...]], facts: dict[str, float], at: StepIndex
    ) -> None:
        """Count a step whose phases were all finite."""
        trainee, step = self.trainee, self.step + 1
        for shadow in trainee.shadows:
            shadow.follow(step)
        if step == 1 or step % VIEWS_CHECKED_EVERY == 0:
            trainee.flat.require_views()
        self.used, self.num_nonfinite = self.used.plus(self.flags.samples), 0
        weight = next(iter(sums.values()), (0.0, 0.0))[1]
        self.progress.add(sums, self.flags.samples.num_samples or round(weight))
        self.reporter.step(step, at.epoch + 1, facts, self.progress)

    def _pass_over(self, total: Total, batches: dict[SliceId, Batch], at: StepIndex) -> None:
        """Move nothing, or go back to the anchor: the samples since then count as skipped."""
        self.undo.restore()
        mode, why = self.trainee.job.train.on_nonfinite, reason(total)
        stay = self.heartbeat.stay
        culprit = find_culprit(self.trainee, self.group, batches, stay)
        self.trainee.gradient.reset_buffers()
        self.num_nonfinite += 1
        require_allowed(mode, num_in_a_row=self.num_nonfinite, at=at, culprit=culprit, reason=why)
        self.skipped, from_step = self.skipped.plus(self.flags.samples), self.step
        if self.anchor is not None:
            from_step = self._rewind(self.anchor, at)
        found = (culprit.slice, culprit.samples, culprit.num_samples)
        self.reporter.skip(Skipped(mode, self.step + 1, from_step, *found, why))

    def _rewind(self, anchor: Anchor, at: StepIndex) -> int:
        """Take weights, optimizer and buffers of the anchor, but not its place in the data."""
        anchor.go_back(self.trainee)
        then, epoch_began = anchor.position, at.epoch * self.trainee.feed.steps_per_epoch
        if then.step < epoch_began:
            then = Position(epoch_began)
        taken = self.used.plus(self.skipped)
        self.used, self.skipped = then.used, taken.minus(then.used)
        self.progress.rewind(then.epoch_sums, then.epoch_samples)
        return anchor.position.step

    def _keep_anchor(self) -> None:
        """Remember the state of a step to which the job may rewind."""
        job = self.trainee.job
        if job.train.on_nonfinite != "rewind" or job.checkpoint.every_steps is None:
            return
        if self.anchor is None or self.step % job.checkpoint.every_steps == 0:
            here = replace(self.position(), anchor=None)
            self.anchor = Anchor.take(self.trainee, here, self.anchor)

    def _end_epoch(self) -> Evaluation | None:
        """Evaluate where it is due, and report the epoch."""
        trainee, steps = self.trainee, self.trainee.feed.steps_per_epoch
        speed, epoch = self.progress.epoch_speed(), -(-self.step // steps)
        is_due = epoch % trainee.job.evaluate.every_epochs == 0 or self.step == trainee.num_steps
        evaluation = self._evaluate() if is_due else None
        self.reporter.epoch(self.position(), self.progress, speed, evaluation)
        if self.step % steps == 0:
            self.used = self.skipped = SampleDigest()
            self.progress.begin_epoch()
        self.progress.resume_epoch()
        return evaluation

    def _save(self) -> None:
        """Take a checkpoint, which is written in the background."""
        self.heartbeat.at(Stage.SAVING, limit_s=self.saver.patience_s)
        self.saver.save(self.state())
        self.heartbeat.pause()

    def _evaluate(self) -> Evaluation | None:
        trainee = self.trainee
        if trainee.evaluator is None:
            return None
        networks = networks_for("evaluation", trainee.networks, shadows_of(trainee.task))
        evaluation = trainee.evaluator(networks, self.heartbeat.stay)
        trainee.flat.network.train()
        trainee.gradient.reset_buffers()  # a network may change them when it is measured, too
        self.saver.note_evaluation(self.step, evaluation.metrics)
        self.heartbeat.pause()
        return evaluation

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
            updates={name: o.num_updates for name, o in self.trainee.optimizers.items()},
            pieces=self.trainee.gradient.pieces,
            anchor=None if is_here else self.anchor,
        )

    def state(self) -> State:
        """All that must survive a restart; the tensors are those that training goes on with.

        Where the feed has a state, all workers have to call this at the same step.
        """
        position, vectors = self.position(), self.trainee.state()
        if position.anchor is not None:
            vectors |= position.anchor.tensors
        return State(
            self.step,
            self.trainee.flat.weights(),
            vectors | self._feed_state(),
            position.facts(),
        )

    def _feed_state(self) -> dict[str, torch.Tensor]:
        feed = self.trainee.feed
        if not feed.has_state:
            return {}
        every = gather(self.group, {index: feed.state(index) for index in self.own})
        states = {index: state for of_worker in every for index, state in of_worker.items()}
        return feed_tensors(states)


def _sum(before: tuple[float, ...] | None, numbers: tuple[float, ...]) -> tuple[float, ...]:
    if before is None:
        return numbers
    return tuple(a + b for a, b in zip(before, numbers, strict=True))
