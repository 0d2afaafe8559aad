"""One worker's part of an attempt: build, go on from the newest checkpoint, train, tell."""

import hashlib
import json
import statistics
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch

from distnet.data.manifest import read_manifest
from distnet.errors import CheckpointError
from distnet.spec.job import Job
from distnet.train.assignment import Assignment
from distnet.train.build import Trainee, build
from distnet.train.checkpoint import State, read_newest, write_checkpoint
from distnet.train.flat import weights_sha256
from distnet.train.loop import Hooks, Loop, Outcome, Position
from distnet.train.portrait import write_portrait
from distnet.train.record import Record, Recorder, Tell
from distnet.train.world import World

STOP_LOOKED_AT_EVERY_S = 0.1
NOT_DECISIVE: dict[str, Any] = {
    **dict.fromkeys(("name", "resources", "checkpoint", "evaluate"), True),
    "train": {"epochs", "steps"},  # a finished run may be trained for longer
}


def work(assignment: Assignment, world: World, *, listener: Tell | None = None) -> dict[str, Any]:
    """Train as one of the workers of `world`.

    Returns:
        Plain values: status, step, metrics, samples_per_second, first_step_s, weights_sha256.

    Raises:
        DistnetError: whatever the user can mend, or training itself failed.
    """
    job = assignment.job
    torch.set_num_threads(job.train.threads_per_slice)
    trainee = build(
        job, Path(assignment.dataset), Path(assignment.job_folder), world, assignment.precision
    )
    try:
        position = _restore(trainee, assignment) if assignment.is_resumed else Position()
        if world.rank == 0:
            return _lead(trainee, assignment, world, position, listener)
        hooks = Hooks(lambda _: None, lambda _: None, lambda _: False, lambda: False)
        return _outcome(trainee, Loop(trainee, world, hooks, position).run(), None)
    finally:
        trainee.close()


def _lead(
    trainee: Trainee,
    assignment: Assignment,
    world: World,
    position: Position,
    listener: Tell | None,
) -> dict[str, Any]:
    """Rank 0's part: it also writes the records, the checkpoints and the last evaluation."""
    folder = assignment.folder
    recorder = Recorder(
        folder.metrics, folder.tensorboard, attempt=assignment.attempt, listener=listener
    )
    first_step = FirstStep(assignment.process_started, recorder.tell)
    saver = Saver(trainee.job, assignment, recorder.tell)
    try:
        recorder.tell(_attempt_record(assignment, world, trainee, position))
        hooks = Hooks(first_step, saver.save, saver.is_due, StopFile(folder.stop))
        loop = Loop(trainee, world, hooks, position)
        outcome = loop.run()
        saver.save(loop.state())
        if outcome.evaluation is not None:
            write_portrait(folder, trainee, outcome.evaluation, outcome.step)
        seconds = time.monotonic() - loop.began
        end = {"kind": "end", "status": outcome.status, "step": outcome.step}
        recorder.tell(end | {"seconds": seconds, "error": None})
        return _outcome(trainee, outcome, first_step.seconds)
    finally:
        recorder.close()


class StopFile:
    """Looks for the file that asks for a planned stop, a few times a second."""

    def __init__(self, path: Path) -> None:
        self._path, self._looked = path, 0.0

    def __call__(self) -> bool:
        """Whether the file is there."""
        now = time.monotonic()
        if now - self._looked < STOP_LOOKED_AT_EVERY_S:
            return False
        self._looked = now
        return self._path.exists()


class FirstStep:
    """Passes records on, and keeps how long after the command's start the first step was done."""

    def __init__(self, process_started: float, tell: Tell) -> None:
        self.seconds: float | None = None
        self._started, self._tell = process_started, tell

    def __call__(self, record: Record) -> None:
        """Pass one record on."""
        if self.seconds is None and record["kind"] == "step":
            self.seconds = time.time() - self._started
        self._tell(record)


class Saver:
    """Decides when a checkpoint is due, and commits it."""

    def __init__(self, job: Job, assignment: Assignment, tell: Tell) -> None:
        self._spec, self._tell = job.checkpoint, tell
        self._folder = assignment.folder.checkpoints
        self._facts = identity(job, Path(assignment.dataset))
        self._saved_at, self._saved_step = time.monotonic(), -1

    def is_due(self, step: int) -> bool:
        """Whether enough steps or seconds have passed."""
        every = self._spec.every_steps
        if every is not None and step % every == 0:
            return True
        return time.monotonic() - self._saved_at > self._spec.every

    def save(self, state: State) -> None:
        """Commit a checkpoint, unless this step has one.

        Raises:
            RunError: it cannot be written.
        """
        if state.step == self._saved_step:
            return
        began = time.monotonic()
        state = replace(state, facts={**state.facts, **self._facts})
        path = write_checkpoint(self._folder, state, keep=self._spec.keep)
        self._saved_at, self._saved_step = time.monotonic(), state.step
        record = {"kind": "checkpoint", "step": state.step}
        record |= {"folder": f"{self._folder.name}/{path.name}"}
        self._tell(record | {"seconds": self._saved_at - began})


def identity(job: Job, dataset: Path) -> dict[str, str]:
    """What decides the weights: the job without its name, machines and checkpoints; the data."""
    decisive = job.model_dump(mode="json", exclude=NOT_DECISIVE)
    decisive["slices"] = job.num_slices
    text = json.dumps(decisive, sort_keys=True)
    return {
        "job_sha256": hashlib.sha256(text.encode()).hexdigest(),
        "data_sha256": read_manifest(dataset).sha256,
    }


def _restore(trainee: Trainee, assignment: Assignment) -> Position:
    """Load the newest whole checkpoint; a run that was never saved begins at step 0."""
    folder = assignment.folder.checkpoints
    if not any(folder.glob("*step-*")):
        return Position()
    state = read_newest(folder)
    for key, value in identity(trainee.job, Path(assignment.dataset)).items():
        if state.facts.get(key) != value:
            what = "job file" if key == "job_sha256" else "dataset"
            raise CheckpointError(
                f"{folder}: the checkpoint of step {state.step} was made with another {what}; "
                f"resume with the {what} that the run began with, or start a new run"
            )
    trainee.flat.load(state.weights)
    trainee.gradient.restart()
    for name, vector in trainee.optimizer.state.items():
        vector.copy_(state.optimizer[name])
    loss, score, samples = state.facts["epoch_sums"]
    return Position(state.step, (loss, score, samples))


def _attempt_record(
    assignment: Assignment, world: World, trainee: Trainee, position: Position
) -> Record:
    epochs = trainee.num_steps / trainee.batches.steps_per_epoch
    return {
        "kind": "attempt",
        "launch": assignment.launch,
        "workers": world.size,
        "slices": trainee.job.num_slices,
        "step": position.step,
        "num_steps": trainee.num_steps,
        "num_epochs": epochs,
        "time": time.time(),
    }


def _outcome(trainee: Trainee, outcome: Outcome, first_step_s: float | None) -> dict[str, Any]:
    speeds = outcome.epoch_speeds[1:] or outcome.epoch_speeds
    split, evaluation = trainee.job.evaluate.split, outcome.evaluation
    metrics = {f"{split}_{k}": v for k, v in evaluation.metrics.items()} if evaluation else {}
    return {
        "status": outcome.status,
        "steps": outcome.step,
        "num_steps": trainee.num_steps,
        "epochs": outcome.step / trainee.batches.steps_per_epoch,
        "slices": trainee.job.num_slices,
        "metrics": metrics,
        "samples_per_second": statistics.median(speeds) if speeds else None,
        "first_step_s": first_step_s,
        "weights_sha256": weights_sha256(trainee.flat.network),
    }
