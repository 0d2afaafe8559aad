"""One worker's part of an attempt: build, go on from the newest checkpoint, train, tell."""

import os
import statistics
import time
from contextlib import ExitStack
from itertools import islice
from pathlib import Path
from typing import Any

import torch

from distnet.run_folder.assignment import Assignment
from distnet.run_folder.heartbeat import STARTING_LIMIT_S, Heartbeat, Stage
from distnet.run_folder.recorder import Record, Recorder, Tell
from distnet.spec.sections.retry import Retry
from distnet.train.artifacts import write_portrait
from distnet.train.checkpoint.checkpoint import State
from distnet.train.checkpoint.position import Position
from distnet.train.checkpoint.saver import Saver
from distnet.train.compute.flat import weights_sha256
from distnet.train.compute.trainee import Trainee, build
from distnet.train.exchange.worker_group import WorkerGroup
from distnet.train.loop import Hooks, Loop, Outcome
from distnet.train.resume import Start, begin, require_same_start, restore
from distnet.train.step.out_of_memory import told_to_the_user

STOP_LOOKED_AT_EVERY_S = 0.1
STORE_TRY_S = 60.0
"""A store that fails takes so long to say so, at most."""


def work(
    assignment: Assignment, world: WorkerGroup, *, listener: Tell | None = None
) -> dict[str, Any]:
    """Train as one of the workers of `world`.

    Returns:
        Plain values: status, step, metrics, samples_per_second, first_step_s, weights_sha256.

    Raises:
        DistnetError: whatever the user can mend, or training itself failed.
    """
    job, folder = assignment.job, assignment.folder
    torch.set_num_threads(job.train.threads_per_slice)
    if world.device != "cpu":
        choose_deterministic_kernels()
    heartbeat = Heartbeat(
        folder.heartbeat(world.rank),
        attempt=assignment.attempt,
        after_s=job.retry.hang.after,
        log=folder.worker_log(world.rank),
    )
    with heartbeat, told_to_the_user(), ExitStack() as stack:
        trainee = build(
            job, Path(assignment.dataset), Path(assignment.job_folder), world, assignment.precision
        )
        stack.callback(trainee.close)
        start = (restore if assignment.is_resumed else begin)(trainee, assignment)
        require_same_start(trainee, start, world)
        if world.rank == 0:
            return _lead(trainee, assignment, world, start, heartbeat=heartbeat, listener=listener)
        loop = Loop(trainee, world, Hooks(), start.position, heartbeat)
        return _outcome(trainee, loop.run(), None)


def _lead(
    trainee: Trainee,
    assignment: Assignment,
    world: WorkerGroup,
    start: Start,
    *,
    heartbeat: Heartbeat,
    listener: Tell | None,
) -> dict[str, Any]:
    """Rank 0's part: it also writes the records, the checkpoints and the last evaluation."""
    folder, attempt = assignment.folder, assignment.attempt
    with ExitStack() as stack:
        recorder = Recorder(folder.metrics, folder.tensorboard, attempt=attempt, listener=listener)
        stack.callback(recorder.close)
        saver = Saver(trainee.job, assignment, recorder.tell)
        stack.callback(saver.close)
        recorder.tell(_attempt_record(assignment, world, trainee, start.position))
        for text in start.notes:
            recorder.tell({"kind": "note", "text": text})
        first_step = FirstStep(assignment, world, recorder.tell)
        patience = patience_s(trainee.job.retry)

        def save(state: State) -> None:
            heartbeat.at(Stage.SAVING, limit_s=patience)  # it may wait for the one before
            saver.save(state)

        hooks = Hooks(
            tell=recorder.tell,
            save=save,
            should_save=saver.is_due,
            should_stop=StopFile(folder.stop),
            note_evaluation=saver.note_evaluation,
            note_first_step=first_step,
        )
        loop = Loop(trainee, world, hooks, start.position, heartbeat)
        saver.prepare(loop.state())
        outcome = loop.run()
        heartbeat.at(Stage.SAVING, limit_s=patience)
        saver.finish(loop.state())
        if outcome.evaluation is not None:
            write_portrait(folder, trainee, outcome.evaluation, outcome.evaluated_at)
        recorder.tell(_end_record(loop, outcome))
        return _outcome(trainee, outcome, first_step.seconds)


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
        return os.path.exists(self._path)  # unlike Path.exists, raises nothing on a poor network


class FirstStep:
    """Tells what a restart has cost, and how long after the command's start the first step came."""

    def __init__(self, assignment: Assignment, world: WorkerGroup, tell: Tell) -> None:
        self.seconds: float | None = None
        self._assignment, self._world, self._tell = assignment, world, tell

    def __call__(self, began_at: int) -> None:
        """Take the time: the first step of an attempt that began after step `began_at` is made."""
        now, assignment = time.time(), self._assignment
        self.seconds = now - assignment.process_started
        if assignment.began_waiting > 0:
            record = {"kind": "restart", "cause": assignment.cause, "step": began_at}
            record |= {"from": assignment.workers_before, "to": self._world.size}
            self._tell(record | {"seconds": now - assignment.began_waiting})


def patience_s(retry: Retry) -> float:
    """How long the last checkpoint may take when the store fails, slowly, as often as it may."""
    waits = (min(retry.storage.backoff * 2.0**n, retry.longest_backoff) for n in range(64))
    rest = max(retry.storage.times - 64, 0) * retry.longest_backoff
    tries = retry.storage.times * STORE_TRY_S
    return STARTING_LIMIT_S + sum(islice(waits, retry.storage.times)) + rest + tries


def _attempt_record(
    assignment: Assignment, world: WorkerGroup, trainee: Trainee, position: Position
) -> Record:
    epochs = trainee.num_steps / trainee.batches.steps_per_epoch
    return {
        "kind": "attempt",
        "run": assignment.folder.name,
        "launch": assignment.launch,
        "cause": assignment.cause,
        "workers": world.size,
        "workers_before": assignment.workers_before,
        "slices": trainee.job.num_slices,
        "step": position.step,
        **position.digests(),
        "num_steps": trainee.num_steps,
        "num_epochs": epochs,
        "time": time.time(),
    }


def _end_record(loop: Loop, outcome: Outcome) -> Record:
    return {
        "kind": "end",
        "status": outcome.status,
        "step": outcome.step,
        **loop.position().digests(),
        "seconds": time.monotonic() - loop.chronicle.began,
        "median_step_seconds": loop.heartbeat.median_step_s,
        "error": None,
        "failure": None,
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
