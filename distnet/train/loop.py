"""The training loop, top to bottom.

    for each step:
        for each own slice: samples -> network -> loss -> gradient -> its row
        total = the sum of all rows, the same on every worker
        weights <- optimizer(weights, total / number of samples)
        or, where loss or gradient are no numbers, or memory does not suffice: what the job says
    after each epoch: evaluate; now and then: checkpoint

Every worker holds the same weights and the same optimizer state at every step, so any of them could
write the checkpoint (rank 0 does), and nothing is ever broadcast.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace

from distnet.run_folder.heartbeat import Heartbeat
from distnet.run_folder.recorder import Tell
from distnet.run_folder.sample_digest import SampleDigest
from distnet.train.checkpoint.checkpoint import State
from distnet.train.checkpoint.position import Anchor, Position
from distnet.train.compute.evaluate import Evaluation
from distnet.train.compute.optimizer import clip
from distnet.train.compute.row import Total
from distnet.train.compute.schedule import rate_factor
from distnet.train.compute.trainee import Trainee
from distnet.train.exchange.worker_group import WorkerGroup
from distnet.train.progress import Chronicle
from distnet.train.step.nonfinite import find_culprit, is_finite, reason, require_allowed
from distnet.train.step.step import StepSum
from distnet.train.step.step_index import Place

VIEWS_CHECKED_EVERY = 100


@dataclass
class Hooks:
    """What the loop asks and tells; on other ranks than 0 nobody listens."""

    tell: Tell = lambda _: None
    save: Callable[[State], None] = lambda _: None
    """Have a checkpoint made."""
    should_save: Callable[[int], bool] = lambda _: False
    """Whether a checkpoint is due after this step."""
    should_stop: Callable[[], bool] = lambda: False
    """Whether someone asked for a planned stop."""
    note_evaluation: Callable[[int, dict[str, float]], None] = lambda _, __: None
    """What was measured after this step."""
    note_first_step: Callable[[int], None] = lambda _: None
    """The first step of this attempt is made; where it began."""


@dataclass(frozen=True)
class Outcome:
    """How the loop ended."""

    status: str
    """`finished` or `stopped`."""
    step: int
    evaluation: Evaluation | None
    evaluated_at: int
    """The step after which that was measured."""
    epoch_speeds: list[float]
    """Training samples/s of each whole epoch."""


class Loop:
    """Trains to the end, or until someone asks to stop."""

    def __init__(
        self,
        trainee: Trainee,
        world: WorkerGroup,
        hooks: Hooks,
        position: Position,
        heartbeat: Heartbeat,
    ) -> None:
        self.trainee, self.world, self.hooks, self.heartbeat = trainee, world, hooks, heartbeat
        self.add_up = StepSum(trainee, world, hooks.should_stop, hooks.tell, heartbeat)
        self.chronicle = Chronicle(trainee, hooks.tell, position)
        self.began_at = self.step = position.step
        self.used, self.skipped = position.used, position.skipped
        self.num_nonfinite = position.num_nonfinite
        self.anchor = position.anchor if trainee.job.train.on_nonfinite == "rewind" else None
        trainee.gradient.pieces = position.pieces or trainee.gradient.pieces

    def run(self) -> Outcome:
        """Train.

        Raises:
            NonFiniteError: loss or gradient are not numbers any more; the weights are untouched.
            OutOfMemoryError: a slice did not fit in a worker's memory; the weights are untouched.
        """
        trainee = self.trainee
        evaluation: Evaluation | None = None
        evaluated_at, should_stop = self.step, False
        self._keep_anchor()
        self.heartbeat.begin(self.step)
        while self.step < trainee.num_steps and not should_stop:
            should_stop = self._train_step()
            if self.step % trainee.batches.steps_per_epoch == 0 or self.step == trainee.num_steps:
                measured = self._end_epoch()
                if measured is not None:
                    evaluation, evaluated_at = measured, self.step
            self._keep_anchor()
            if self.hooks.should_save(self.step):
                self.hooks.save(self.state())
                self.heartbeat.pause()
        is_finished = self.step >= trainee.num_steps
        if evaluation is None and is_finished:
            evaluation = self._evaluate()
        status = "finished" if is_finished else "stopped"
        return Outcome(status, self.step, evaluation, evaluated_at, self.chronicle.speeds)

    def state(self) -> State:
        """All that must survive a restart; the tensors are those that training goes on with."""
        position, vectors = self.position(), self.trainee.optimizer.state
        if position.anchor is not None:
            vectors = {**vectors, **position.anchor.tensors}
        return State(self.step, self.trainee.flat.weights(), vectors, position.facts())

    def position(self) -> Position:
        """Where training is."""
        is_here = self.anchor is not None and self.anchor.position.step == self.step
        return Position(
            step=self.step,
            epoch_sums=self.chronicle.progress.epoch_sums,
            used=self.used,
            skipped=self.skipped,
            num_nonfinite=self.num_nonfinite,
            pieces=self.trainee.gradient.pieces,
            anchor=None if is_here else self.anchor,
        )

    def _train_step(self) -> bool:
        """Make one step; returns whether to stop after it."""
        place = Place.of(self.trainee.batches, self.step)
        total = self.add_up(place)
        if is_finite(total):
            self._move(total, place)
        else:
            self._pass_over(total, place)
        self.step += 1
        self.heartbeat.step(self.step)
        if self.step == self.began_at + 1:
            self.hooks.note_first_step(self.began_at)
        return total.is_stop

    def _move(self, total: Total, place: Place) -> None:
        """Update weights, optimizer and buffers."""
        trainee, step = self.trainee, self.step + 1
        clip(total.gradient, total.norm, trainee.job.train.clip)
        factor = rate_factor(trainee.job.schedule, self.step, trainee.num_steps)
        rate = trainee.job.optimizer.learning_rate * factor
        trainee.optimizer.update(trainee.flat.vector, total.gradient, rate, step)
        trainee.gradient.apply_buffers(total.buffers, trainee.job.num_slices)
        if step == 1 or step % VIEWS_CHECKED_EVERY == 0:
            trainee.flat.require_views()
        self.used, self.num_nonfinite = self.used.plus(total.taken), 0
        self.chronicle.step(step, place, total, rate)

    def _pass_over(self, total: Total, place: Place) -> None:
        """Move nothing, or go back to the anchor: the samples since then count as skipped."""
        mode, why = self.trainee.job.train.on_nonfinite, reason(total)
        culprit = find_culprit(
            self.trainee, self.world, self.add_up.own, place, self.heartbeat.stay
        )
        self.trainee.gradient.reset_buffers()
        self.num_nonfinite += 1
        require_allowed(
            mode, num_in_a_row=self.num_nonfinite, place=place, culprit=culprit, reason=why
        )
        self.skipped, from_step = self.skipped.plus(total.taken), place.step
        if self.anchor is not None:
            from_step = self._rewind(self.anchor, place)
        self.chronicle.skip(mode, place, from_step, culprit, why)

    def _rewind(self, anchor: Anchor, place: Place) -> int:
        """Take weights, optimizer and buffers of the anchor, but not its place in the data."""
        anchor.go_back(self.trainee)
        then, epoch_began = anchor.position, place.step - place.batch
        if then.step < epoch_began:
            then = Position(epoch_began)
        taken = self.used.plus(self.skipped)
        self.used, self.skipped = then.used, taken.minus(then.used)
        self.chronicle.progress.epoch_sums = then.epoch_sums
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
        """Evaluate where it is due, and tell the epoch."""
        trainee, steps = self.trainee, self.trainee.batches.steps_per_epoch
        speed, epoch = self.chronicle.speed_of_epoch(), -(-self.step // steps)
        is_due = epoch % trainee.job.evaluate.every_epochs == 0 or self.step == trainee.num_steps
        evaluation = self._evaluate() if is_due else None
        self.chronicle.end_epoch(self.position(), speed, evaluation)
        if self.step % steps == 0:
            self.used = self.skipped = SampleDigest()
        return evaluation

    def _evaluate(self) -> Evaluation | None:
        trainee = self.trainee
        if trainee.evaluator is None:
            return None
        evaluation = trainee.evaluator(trainee.flat.network, trainee.scale, self.heartbeat.stay)
        trainee.gradient.reset_buffers()  # a network may change them when it is measured, too
        self.hooks.note_evaluation(self.step, evaluation.metrics)
        self.heartbeat.pause()
        return evaluation
