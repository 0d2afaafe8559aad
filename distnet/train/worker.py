"""One worker's part of an attempt: build, go on from the newest checkpoint, train, tell."""

import os
import statistics
import time
from pathlib import Path
from typing import Any

import torch

from distnet.train.assignment import Assignment
from distnet.train.build import Trainee, build
from distnet.train.flat import weights_sha256
from distnet.train.loop import Hooks, Loop, Outcome, Position
from distnet.train.portrait import write_portrait
from distnet.train.record import Record, Recorder, Tell
from distnet.train.saving import Saver, Start, require_same_start, restore
from distnet.train.world import World

STOP_LOOKED_AT_EVERY_S = 0.1


def work(assignment: Assignment, world: World, *, listener: Tell | None = None) -> dict[str, Any]:
    """Train as one of the workers of `world`.

    Returns:
        Plain values: status, step, metrics, samples_per_second, first_step_s, weights_sha256.

    Raises:
        DistnetError: whatever the user can mend, or training itself failed.
    """
    job = assignment.job
    torch.set_num_threads(job.train.threads_per_slice)
    if world.device != "cpu":
        choose_deterministic_kernels()
    trainee = build(
        job, Path(assignment.dataset), Path(assignment.job_folder), world, assignment.precision
    )
    try:
        start = restore(trainee, assignment) if assignment.is_resumed else Start()
        require_same_start(trainee, start, world)
        if world.rank == 0:
            return _lead(trainee, assignment, world, start, listener)
        hooks = Hooks(lambda _: None, lambda _: None, lambda _: False, lambda: False)
        return _outcome(trainee, Loop(trainee, world, hooks, start.position).run(), None)
    finally:
        trainee.close()


def _lead(
    trainee: Trainee,
    assignment: Assignment,
    world: World,
    start: Start,
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
        recorder.tell(_attempt_record(assignment, world, trainee, start.position))
        for text in start.notes:
            recorder.tell({"kind": "note", "text": text})
        hooks = Hooks(first_step, saver.save, saver.is_due, StopFile(folder.stop))
        loop = Loop(trainee, world, hooks, start.position)
        outcome = loop.run()
        saver.save(loop.state())
        if outcome.evaluation is not None:
            write_portrait(folder, trainee, outcome.evaluation, outcome.evaluated_at)
        seconds = time.monotonic() - loop.began
        end = {"kind": "end", "status": outcome.status, "step": outcome.step}
        recorder.tell(end | {"seconds": seconds, "error": None})
        return _outcome(trainee, outcome, first_step.seconds)
    finally:
        recorder.close()


def choose_deterministic_kernels() -> None:
    """Have cuDNN and cuBLAS compute the same bits every time.

    Source: PyTorch's notes on reproducibility, and cuBLAS's on CUBLAS_WORKSPACE_CONFIG, which is
    read when a GPU is first used.
    """
    os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")
    torch.backends.cudnn.benchmark = False
    torch.use_deterministic_algorithms(True, warn_only=True)
    torch.utils.deterministic.fill_uninitialized_memory = False  # type: ignore[attr-defined]


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


def _attempt_record(
    assignment: Assignment, world: World, trainee: Trainee, position: Position
) -> Record:
    epochs = trainee.num_steps / trainee.batches.steps_per_epoch
    return {
        "kind": "attempt",
        "run": assignment.folder.name,
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
