"""One worker's part of an attempt: build, resume from the newest checkpoint, train, report."""

import os
import statistics
import time
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import torch

from distnet.run_folder.assignment import Assignment
from distnet.run_folder.heartbeat import Heartbeat
from distnet.run_folder.recorder import Emit, Recorder
from distnet.train.artifacts import write_artifacts
from distnet.train.checkpoint.saver import Saver
from distnet.train.compute.flat import weights_sha256
from distnet.train.compute.trainee import Trainee, build
from distnet.train.exchange.worker_group import WorkerGroup
from distnet.train.loop import Loop, Outcome
from distnet.train.reporter import RecordReporter
from distnet.train.resume import Start, begin, require_same_start, restore
from distnet.train.step.out_of_memory import out_of_memory_explained

STOP_CHECK_S = 0.1


def work(
    assignment: Assignment, group: WorkerGroup, *, listener: Emit | None = None
) -> dict[str, Any]:
    """Train as one of the workers of `group`.

    Returns:
        Plain values: status, step, metrics, samples_per_second, first_step_s, weights_sha256.

    Raises:
        DistnetError: a mistake that the user can correct, or training itself failed.
    """
    job, folder = assignment.job, assignment.folder
    torch.set_num_threads(job.train.threads_per_slice)
    if group.device != "cpu":
        choose_deterministic_kernels()
    heartbeat = Heartbeat(
        folder.heartbeat(group.rank),
        attempt=assignment.attempt,
        after_s=job.retry.hang.after,
        log=folder.worker_log(group.rank),
    )
    with heartbeat, out_of_memory_explained(), ExitStack() as stack:
        job_folder = Path(assignment.job_folder)
        trainee = build(job, assignment.dataset_folder, job_folder, group, assignment.precision)
        stack.callback(trainee.close)
        start = (restore if assignment.is_resumed else begin)(trainee, assignment)
        require_same_start(trainee, start, group)
        if group.rank == 0:
            return _lead(trainee, assignment, group, start, heartbeat, listener)
        return _result(trainee, Loop(trainee, group, start.position, heartbeat).run(), None)


def _lead(  # noqa: PLR0917
    trainee: Trainee,
    assignment: Assignment,
    group: WorkerGroup,
    start: Start,
    heartbeat: Heartbeat,
    listener: Emit | None,
) -> dict[str, Any]:
    """Rank 0's part: it also writes the records, the checkpoints and the last evaluation."""
    folder, attempt = assignment.folder, assignment.attempt
    with ExitStack() as stack:
        recorder = Recorder(folder.metrics, folder.tensorboard, attempt=attempt, listener=listener)
        stack.callback(recorder.close)
        saver = Saver(trainee.job, assignment, recorder.emit)
        stack.callback(saver.close)
        reporter = RecordReporter(recorder.emit, trainee, assignment, group)
        reporter.begin(start.position, start.notes)
        loop = Loop(
            trainee,
            group,
            start.position,
            heartbeat,
            reporter=reporter,
            saver=saver,
            should_stop=StopFile(folder.stop),
        )
        outcome = loop.run()
        if outcome.evaluation is not None:
            write_artifacts(folder, trainee, outcome.evaluation, outcome.evaluated_at)
        reporter.end(outcome.status, loop.state.position(), heartbeat.median_step_s)
        return _result(trainee, outcome, reporter)


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
    """Checks for the file that requests a planned stop, a few times a second."""

    def __init__(self, path: Path) -> None:
        self._path, self._checked = path, 0.0

    def __call__(self) -> bool:
        """Whether the file is there."""
        now = time.monotonic()
        if now - self._checked < STOP_CHECK_S:
            return False
        self._checked = now
        return os.path.exists(
            self._path
        )  # unlike Path.exists, raises nothing on an unreliable network


def _result(trainee: Trainee, outcome: Outcome, reporter: RecordReporter | None) -> dict[str, Any]:
    speeds = reporter.speeds[1:] or reporter.speeds if reporter else ()
    split, evaluation = trainee.job.evaluate.split, outcome.evaluation
    metrics = {f"{split}_{k}": v for k, v in evaluation.metrics.items()} if evaluation else {}
    return {
        "status": outcome.status,
        "steps": outcome.step,
        "num_steps": trainee.num_steps,
        "epochs": outcome.step / trainee.feed.steps_per_epoch,
        "slices": trainee.job.num_slices,
        "metrics": metrics,
        "samples_per_second": statistics.median(speeds) if speeds else None,
        "first_step_s": reporter.first_step_s if reporter else None,
        "weights_sha256": weights_sha256(trainee.flat.network),
    }
