"""The training loop, top to bottom.

    for each step:
        for each phase of the task (one, for most):
            for each slice of this worker: samples -> network -> loss -> gradient -> its row
            total = the sum of all rows, the same bits on every worker
            weights <- optimizer(weights, total / weight)
        or, where loss or gradient are not finite, or memory runs out: as the job says
    after each epoch: evaluate; at intervals: checkpoint

Every worker holds the same weights and the same optimizer state at every step, so any of them could
write the checkpoint (rank 0 does), and nothing is ever broadcast.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

from distnet.data.batch import Batch
from distnet.run_folder.workers.heartbeat import Heartbeat, Stage
from distnet.tasks.task import shadows_of
from distnet.train.checkpoint.position import Position
from distnet.train.checkpoint.saver import NullSaver, Saver, is_due_by_step
from distnet.train.compute.evaluate import Evaluation
from distnet.train.compute.optimizer import clip
from distnet.train.compute.row import NO_FLAGS, Flags, Total, read_total
from distnet.train.compute.shadows import networks_for
from distnet.train.compute.trainee import Trainee
from distnet.train.compute.turn import SliceId, Turn
from distnet.train.device.device import wait_for
from distnet.train.exchange.tree import own_slices
from distnet.train.exchange.worker_group import WorkerGroup
from distnet.train.progress import plus
from distnet.train.reporter import NullReporter, Reporter
from distnet.train.state import LoopState
from distnet.train.step.gathered import gather_embeddings
from distnet.train.step.guard import Guard
from distnet.train.step.nonfinite import (
    Skipped,
    find_culprit,
    is_finite,
    reason,
    require_allowed,
)
from distnet.train.step.out_of_memory import Shortage, agree_on_shortage, try_twice
from distnet.train.step.proof import Prover
from distnet.train.step.undo import Undo

TENSORS_CHECKED_EVERY = 100


@dataclass(frozen=True)
class Outcome:
    """How the loop ended."""

    status: str
    """`finished` or `stopped`."""
    step: int
    evaluation: Evaluation | None
    evaluated_at: int
    """The step after which that was measured."""
    stopped_early: str | None = None
    """Why it is finished before its last step."""


class Loop:
    """Trains to the end, or until a stop is requested.

    Args:
        trainee: what trains.
        group: the workers, of which this is one.
        position: where the attempt begins.
        heartbeat: reports the step and stage of this worker.
        reporter: writes the records; on rank 0 only.
        saver: writes the checkpoints; on rank 0 only.
        should_stop: whether a planned stop is requested; called once an update, on rank 0 only.
        should_end: whether training is to be finished early; the same.
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
        should_end: Callable[[], bool] = lambda: False,
    ) -> None:
        self.trainee, self.group, self.heartbeat = trainee, group, heartbeat
        self.reporter, self.saver = reporter or NullReporter(), saver or NullSaver()
        self.should_stop, self.should_end, self.flags = should_stop, should_end, Flags()
        self.own = own_slices(group.rank, group.size, trainee.job.num_slices)
        self.settings = {name: trainee.job.player(name) for name in trainee.flat.players}
        self.state, self.first_step = LoopState(trainee, position), position.step
        self.prover, self.undo = Prover(trainee, group, self.first_step), Undo(trainee)
        self.guard = Guard(trainee, group, self.state.step, self.reporter.note)
        self.batches: dict[tuple[int, int], Batch] = {}

    def run(self) -> Outcome:
        """Train.

        Raises:
            NonFiniteError: loss or gradient are not finite; the weights are unchanged.
            OutOfMemoryError: a slice did not fit in a worker's memory; the weights are unchanged.
            NotReproducibleError: the weights would depend on more than job and data.
        """
        trainee, state = self.trainee, self.state
        evaluation: Evaluation | None = None
        evaluated_at = state.step
        state.keep_anchor()
        self.saver.prepare(state.checkpoint(self.group, self.own))
        self.heartbeat.begin(state.step)
        while not state.is_done and not self.flags.is_stop:
            self.train_step()
            state.is_ended, measured = self.flags.is_end, None
            if state.is_end_of_epoch or state.is_done:
                measured = self._end_epoch()
            if measured is not None:
                evaluation, evaluated_at = measured, state.step
            state.keep_anchor()
            is_due = is_due_by_step(trainee.job.checkpoint, state.step, measured is not None)
            if self.flags.is_save or is_due:
                self._save()
        if evaluation is None and state.is_done:
            evaluation, evaluated_at = self._evaluate(), state.step
        self._save()
        self.heartbeat.at(Stage.SAVING, limit_s=self.saver.patience_s)
        self.saver.flush()
        status = "finished" if state.is_done else "stopped"
        return Outcome(status, state.step, evaluation, evaluated_at, state.stopped_early)

    def train_step(self) -> None:
        """Make one step: either all of its phases, in order, or none."""
        state = self.state
        self.batches.clear()
        sums: dict[str, tuple[float, ...]] = {}
        facts: dict[str, float] = {}
        self.undo.take()
        for turn in self.trainee.turns_at(state.step):
            slices = [SliceId(turn, state.step, index) for index in self.own]
            mine = {of: self._batch(of) for of in slices}
            total = self._reduce(turn, mine)
            if not is_finite(total):
                self._pass_over(total, mine)
                break
            sums[turn.phase.name] = plus(sums.get(turn.phase.name), total.sums)
            facts |= self._update(turn, total)
        else:
            self._moved(sums, facts)
        state.step += 1
        self.heartbeat.step(state.step)

    def _batch(self, of: SliceId) -> Batch:
        """The samples of a slice for this update; taken once, however often they are used."""
        key = (of.turn.draw, of.slice)
        if key not in self.batches:
            self.batches[key] = self.guard.take(of)
        return self.batches[key]

    def _reduce(self, turn: Turn, batches: dict[SliceId, Batch]) -> Total:
        """Compute this worker's slices, and add up those of all workers.

        Raises:
            OutOfMemoryError: a slice did not fit, and the job does not allow smaller pieces.
            NotReproducibleError: a slice that was computed twice differs.
        """
        trainee, last, size = self.trainee, self.own[-1], self.group.size
        layout, sum_ = trainee.layouts[turn.phase.name], trainee.sums[turn.phase.name]
        while True:
            self.guard.begin(turn, self.state.step, self.state.name)
            gathered = gather_embeddings(trainee, self.group, batches)
            shortages, flags = list[Shortage](), NO_FLAGS
            for of, batch in batches.items():
                row = sum_.rows[of.slice]
                write = partial(trainee.gradient.write, row, of, batch, gathered.get(of.slice))
                problem = try_twice(write)
                if problem is not None:
                    row.zero_()
                    shortages.append(self._shortage(of.slice, len(batch), problem))
                self.guard.keep(of, row)
                if of.slice == last:
                    flags = self._flags(bool(shortages))
                if size > 1:
                    (flags if of.slice == last else NO_FLAGS).write(row)
                sum_.add_own(of.slice)
            self._check_tensors()
            if self.group.size > 1:  # a GPU that hangs has not arrived at the sum
                wait_for(self.group.device)
            self.heartbeat.at(Stage.SUMMING)
            known = flags if size == 1 else None
            is_clipped = self.settings[turn.phase.player].clip is not None
            frozen = trainee.optimizers[turn.phase.player].frozen(self.state.step)
            total = read_total(sum_(), layout, known, size, frozen, is_clipped=is_clipped)
            self.flags = total.flags
            if not total.flags.is_out_of_memory:
                self.guard.compare(total, self._batch, gathered)
                return total
            of, batch = next(iter(batches.items()))
            where, probe = self.state.name, (batch, of.turn)
            note = agree_on_shortage(trainee, self.group, shortages, where, probe)
            self.reporter.note(note)
            self.heartbeat.stay(Stage.COMPUTING)

    def _check_tensors(self) -> None:
        """Before the first step, and now and then: refuse what forward has created or replaced."""
        step = self.state.step
        if step == self.first_step or step % TENSORS_CHECKED_EVERY == 0:
            self.trainee.require_unchanged()

    def _flags(self, is_out_of_memory: bool) -> Flags:
        """The flags of this worker's last row."""
        samples = self.trainee.feed.digest(self.state.step, self.own)
        is_save = self.saver.is_due_by_time()
        first = self.should_stop(), is_out_of_memory, is_save, self.should_end()
        return Flags(*first, samples, self.guard.weights)

    def _shortage(self, index: int, num_samples: int, reason: str) -> Shortage:
        pieces = self.trainee.gradient.pieces
        return Shortage(self.group.rank, index, num_samples, pieces, reason)

    def _update(self, turn: Turn, total: Total) -> dict[str, float]:
        """Move weights, optimizer and buffers of the player whose phase this is."""
        if not total.weight:
            self.trainee.gradient.reset_buffers()
            return {}
        trainee, name = self.trainee, turn.phase.player
        settings = self.settings[name]
        clip(total.gradient, total.norm, settings.clip)
        factor = trainee.factors[name](self.state.step, trainee.num_steps)
        rate = settings.optimizer.learning_rate * factor
        trainee.optimizers[name].update(total.gradient, rate, self.state.step)
        trainee.gradient.buffers.apply(
            trainee.flat.players[name],
            total,
            slices=trainee.job.num_slices,
            own=self.own,
            sum_=trainee.buffer_sums.get(name),
        )
        return {"learning_rate": rate, "gradient_norm": total.norm}

    def _moved(self, sums: dict[str, tuple[float, ...]], facts: dict[str, float]) -> None:
        """Count a step whose phases were all finite."""
        trainee, state, step = self.trainee, self.state, self.state.step + 1
        for shadow in trainee.shadows:
            shadow.follow(step)
        state.count(sums, self.flags.samples)
        self.reporter.step(step, state.epoch + 1, facts, state.progress)

    def _pass_over(self, total: Total, batches: dict[SliceId, Batch]) -> None:
        """Move nothing, or rewind to the anchor: the samples since then count as skipped."""
        trainee, state = self.trainee, self.state
        player = trainee.flat.players[next(iter(batches)).turn.phase.player]
        why = reason(total, player.buffers)
        # With the weights as earlier phases of the step have left them: else it may be finite.
        culprit = find_culprit(trainee, self.group, batches, self.heartbeat.stay)
        trainee.gradient.reset_buffers()
        self.undo.restore()
        state.num_nonfinite += 1
        mode = trainee.job.train.on_nonfinite
        require_allowed(mode, state.num_nonfinite, where=state.name, culprit=culprit, reason=why)
        from_step = state.skip(self.flags.samples)
        self.reporter.skip(Skipped.of(culprit, mode, state.step + 1, from_step, why))

    def _end_epoch(self) -> Evaluation | None:
        """Evaluate where it is due, and report the epoch."""
        trainee, state = self.trainee, self.state
        epoch = -(-state.step // trainee.feed.steps_per_epoch)
        speed, every = state.progress.epoch_speed(), trainee.job.evaluate.every_epochs
        is_due = epoch % every == 0 or state.is_done
        evaluation = self._evaluate() if is_due else None
        if evaluation is not None:
            state.count_evaluation(epoch, evaluation)
        self.reporter.epoch(state.position(), state.progress, speed, evaluation)
        if state.is_end_of_epoch:
            state.begin_epoch()
        state.progress.resume_epoch()
        return evaluation

    def _save(self) -> None:
        """Take a checkpoint, which is written in the background."""
        self.trainee.require_unchanged()
        self.heartbeat.at(Stage.SAVING, limit_s=self.saver.patience_s)
        state = self.state.checkpoint(self.group, self.own)
        self.saver.save(self.prover.proved(state, is_stop=self.flags.is_stop))
        self.heartbeat.pause()

    def _evaluate(self) -> Evaluation | None:
        trainee = self.trainee
        if trainee.evaluator is None:
            return None
        networks = networks_for("evaluation", trainee.networks, shadows_of(trainee.task))
        evaluation = trainee.evaluator(networks, self.heartbeat.stay)
        trainee.flat.network.train()
        trainee.gradient.reset_buffers()  # a network may change them in an evaluation, too
        self.saver.note_evaluation(self.state.step, evaluation.metrics)
        self.heartbeat.pause()
        return evaluation
