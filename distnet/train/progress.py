"""What the loop tells of its steps and epochs: records, and how fast they were."""

import time

from distnet.run_folder.recorder import Progress, Record, Tell
from distnet.train.checkpoint.position import Position
from distnet.train.compute.evaluate import Evaluation
from distnet.train.compute.row import Total
from distnet.train.compute.trainee import Trainee
from distnet.train.step.nonfinite import Culprit
from distnet.train.step.step_index import Place


class Chronicle:
    """Tells the steps and epochs of one attempt.

    Args:
        trainee: what trains.
        tell: writes a record.
        position: where the attempt begins.
    """

    def __init__(self, trainee: Trainee, tell: Tell, position: Position) -> None:
        self.progress = Progress(trainee.num_steps, position.epoch_sums)
        self.began = time.monotonic()
        self.speeds: list[float] = []
        """Training samples/s of each whole epoch."""
        self._trainee, self._tell, self._score = trainee, tell, trainee.task.score_name
        self._is_whole = position.step % trainee.batches.steps_per_epoch == 0
        self._epoch_began, self._epoch_samples = self.began, 0

    def step(self, step: int, place: Place, total: Total, rate: float) -> None:
        """Count a step that moved the weights, and tell it now and then."""
        self.progress.add(total.loss, total.score, place.num_samples)
        self._epoch_samples += place.num_samples
        if step != 1 and not self.progress.is_due(step):
            return
        loss, score, speed = self.progress.read()
        record: Record = {"kind": "step", "step": step, "epoch": place.epoch + 1, "loss": loss}
        record |= {self._score: score, "learning_rate": rate, "gradient_norm": total.norm}
        record |= {"samples_per_second": speed, "seconds": time.monotonic() - self.began}
        self._tell(record)

    def skip(self, mode: str, place: Place, from_step: int, culprit: Culprit, reason: str) -> None:
        """Tell of a step that moved nothing; training goes on with the weights of `from_step`."""
        record: Record = {
            "kind": "skip",
            "mode": mode,
            "step": place.step + 1,
            "from_step": from_step,
        }
        record |= {"slice": culprit.slice, "samples": list(culprit.samples)}
        self._tell(record | {"num_samples": culprit.num_samples, "reason": reason})

    def speed_of_epoch(self) -> float:
        """Samples/s of this attempt since the epoch began, evaluations left out."""
        return self._epoch_samples / max(time.monotonic() - self._epoch_began, 1e-9)

    def end_epoch(self, position: Position, speed: float, evaluation: Evaluation | None) -> None:
        """Tell the epoch that ends at `position`; where it is whole, the next one begins."""
        steps = self._trainee.batches.steps_per_epoch
        loss, score = self.progress.read_epoch()
        record: Record = {
            "kind": "epoch",
            "epoch": -(-position.step // steps),
            "step": position.step,
        }
        record |= {"train": {"loss": loss, self._score: score}}
        if evaluation is not None:
            record[self._trainee.job.evaluate.split] = evaluation.metrics
        record |= {**position.digests(), "samples_per_second": speed}
        self._tell(record | {"seconds": time.monotonic() - self.began})
        if position.step % steps == 0:
            self.progress.begin_epoch()
            self.speeds += [speed] if self._is_whole else []
        self.progress.pause()
        self._epoch_began, self._epoch_samples, self._is_whole = time.monotonic(), 0, True
