"""The training loop, top to bottom.

    for each step:
        for each own slice: samples -> network -> loss -> gradient -> its row
        total = the sum of all rows, the same on every worker
        weights <- optimizer(weights, total / number of samples)
    after each epoch: evaluate; now and then: checkpoint

Every worker holds the same weights and the same optimizer state at every step, so any of them could
write the checkpoint (rank 0 does), and nothing is ever broadcast.
"""

import math
import time
from collections.abc import Callable
from dataclasses import dataclass

import torch

from distnet.errors import NonFiniteError
from distnet.train.build import Trainee
from distnet.train.checkpoint import State
from distnet.train.evaluate import Evaluation
from distnet.train.gradient import NUM_SUMS
from distnet.train.optimizer import clip
from distnet.train.record import Progress, Tell
from distnet.train.schedule import rate_factor
from distnet.train.tree import own_slices
from distnet.train.world import World

VIEWS_CHECKED_EVERY = 100


@dataclass
class Hooks:
    """What the loop asks and tells; other ranks than 0 tell nothing."""

    tell: Tell
    save: Callable[[State], None]
    """Commit a checkpoint."""
    should_save: Callable[[int], bool]
    """Whether a checkpoint is due after this step."""
    should_stop: Callable[[], bool]
    """Whether someone asked for a planned stop."""


@dataclass(frozen=True)
class Position:
    """Where training is: this and the weights are all that must survive a restart."""

    step: int = 0
    epoch_sums: tuple[float, float, int] = (0.0, 0.0, 0)


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

    def __init__(self, trainee: Trainee, world: World, hooks: Hooks, position: Position) -> None:
        self.trainee, self.hooks = trainee, hooks
        self.own = own_slices(world.rank, world.size, trainee.job.num_slices)
        self.step = position.step
        self.progress = Progress(trainee.num_steps, position.epoch_sums)
        self.began = time.monotonic()
        self.epoch_samples = 0  # of this epoch, by this attempt
        self.speeds: list[float] = []

    def run(self) -> Outcome:
        """Train.

        Raises:
            NonFiniteError: loss or gradient are not numbers any more; the weights are untouched.
        """
        trainee, steps_per_epoch = self.trainee, self.trainee.batches.steps_per_epoch
        evaluation: Evaluation | None = None
        evaluated_at, should_stop = self.step, False
        epoch_began, is_whole_epoch = time.monotonic(), self.step % steps_per_epoch == 0
        while self.step < trainee.num_steps and not should_stop:
            should_stop = self._train_step()
            if self.step % steps_per_epoch == 0 or self.step == trainee.num_steps:
                seconds = time.monotonic() - epoch_began
                measured = self._end_epoch(seconds, is_whole_epoch)
                if measured is not None:
                    evaluation, evaluated_at = measured, self.step
                epoch_began, is_whole_epoch = time.monotonic(), True
            if self.hooks.should_save(self.step):
                self.hooks.save(self.state())
        is_finished = self.step >= trainee.num_steps
        if evaluation is None and is_finished and trainee.evaluator is not None:
            evaluation = trainee.evaluator(trainee.flat.network, trainee.scale)
        status = "finished" if is_finished else "stopped"
        return Outcome(status, self.step, evaluation, evaluated_at, self.speeds)

    def state(self) -> State:
        """All that must survive a restart."""
        return State(
            self.step,
            self.trainee.flat.weights(),
            self.trainee.optimizer.state,
            {"epoch_sums": list(self.progress.epoch_sums)},
        )

    def _train_step(self) -> bool:
        """One update of the weights; returns whether to stop after it."""
        trainee, num_parameters = self.trainee, self.trainee.flat.num_parameters
        epoch, batch = divmod(self.step, trainee.batches.steps_per_epoch)
        low, high = trainee.batches.batch(batch)
        self._write_rows(epoch, batch)
        total = trainee.sum()
        gradient = total[:num_parameters] / (high - low)
        length = torch.linalg.vector_norm(gradient)[None]
        # Read together: on a GPU each reading waits for all that was asked of it.
        loss, score, stops, norm = torch.cat([total[-NUM_SUMS:], length]).tolist()
        self._check_finite(loss, norm, epoch)
        clip(gradient, norm, trainee.job.train.clip)
        rate = trainee.job.optimizer.learning_rate * rate_factor(
            trainee.job.schedule, self.step, trainee.num_steps
        )
        self.step += 1
        trainee.optimizer.update(trainee.flat.vector, gradient, rate, self.step)
        trainee.gradient.apply_buffers(total[num_parameters:-NUM_SUMS], trainee.job.num_slices)
        if self.step == 1 or self.step % VIEWS_CHECKED_EVERY == 0:
            trainee.flat.require_views()
        self.progress.add(loss, score, high - low)
        self.epoch_samples += high - low
        self._tell_step(epoch, rate, norm)
        return bool(stops > 0)

    def _write_rows(self, epoch: int, batch: int) -> None:
        trainee, rows = self.trainee, self.trainee.sum.rows
        device = rows.device
        for index in self.own:
            x, y = trainee.samples.take(epoch, *trainee.batches.slice(batch, index))
            trainee.gradient.compute(self.step, index, x.to(device), y.to(device), rows[index])
            if index == self.own.start and self.hooks.should_stop():
                rows[index, -1] = 1.0
            trainee.sum.add_own(index)

    def _check_finite(self, loss: float, norm: float, epoch: int) -> None:
        if math.isfinite(loss) and math.isfinite(norm):
            return
        what = f"the loss is {loss}" if not math.isfinite(loss) else f"the gradient is {norm}"
        raise NonFiniteError(
            f"step {self.step + 1} (epoch {epoch + 1}): {what}; the weights were not changed. "
            "Lower optimizer.learning_rate, set train.clip, or look for extreme values in the data"
        )

    def _tell_step(self, epoch: int, rate: float, norm: float) -> None:
        if self.step != 1 and not self.progress.is_due(self.step):
            return
        loss, score, speed = self.progress.read()
        record = {"kind": "step", "step": self.step, "epoch": epoch + 1, "loss": loss}
        record |= {self.trainee.task.score_name: score, "learning_rate": rate}
        record |= {"gradient_norm": norm, "samples_per_second": speed}
        self.hooks.tell(record | {"seconds": time.monotonic() - self.began})

    def _end_epoch(self, seconds: float, is_whole: bool) -> Evaluation | None:
        """Evaluate where it is due, and tell the epoch."""
        trainee, score_name = self.trainee, self.trainee.task.score_name
        epoch = -(-self.step // trainee.batches.steps_per_epoch)
        loss, score = self.progress.read_epoch()
        speed, self.epoch_samples = self.epoch_samples / max(seconds, 1e-9), 0
        if self.step % trainee.batches.steps_per_epoch == 0:
            self.progress.begin_epoch()
            if is_whole:
                self.speeds.append(speed)
        record = {"kind": "epoch", "epoch": epoch, "step": self.step}
        record |= {"train": {"loss": loss, score_name: score}}
        evaluation = None
        is_last = self.step == trainee.num_steps
        if trainee.evaluator and (is_last or epoch % trainee.job.evaluate.every_epochs == 0):
            evaluation = trainee.evaluator(trainee.flat.network, trainee.scale)
            record[trainee.job.evaluate.split] = evaluation.metrics
        self.progress.pause()
        seconds = time.monotonic() - self.began
        self.hooks.tell(record | {"samples_per_second": speed, "seconds": seconds})
        return evaluation
