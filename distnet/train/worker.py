"""One worker's part of an attempt: build, resume from the newest checkpoint, train, report."""

import os
import statistics
import time
from contextlib import ExitStack
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import torch

from distnet.data.evaluation_split import split_note
from distnet.run_folder.assignment import Assignment
from distnet.run_folder.records.recorder import Emit, Recorder
from distnet.run_folder.workers.heartbeat import STARTING_LIMIT_S, Heartbeat, Stage
from distnet.spec.code.importer import forget
from distnet.spec.packages.pip import TIME_LIMIT_S
from distnet.spec.packages.requirements import requirements_of_lines
from distnet.spec.packages.use import use_packages
from distnet.train.artifacts import write_artifacts
from distnet.train.checkpoint.home import Home, SharedHome
from distnet.train.checkpoint.saver import Saver
from distnet.train.compute.generators import kept_generators
from distnet.train.compute.trainee import Trainee, build
from distnet.train.device.arithmetic import arithmetic, prepare_libraries, settings_kept
from distnet.train.device.device import describe_worker
from distnet.train.device.faults import faults_explained
from distnet.train.device.fingerprint import moved_note, read_fingerprint, unlike_note
from distnet.train.device.gpu_load import gpu_load
from distnet.train.device.portable import require_instruction_set
from distnet.train.device.precision import decide_precision, keep_decision, planned_precision
from distnet.train.exchange.worker_group import WorkerGroup, gather
from distnet.train.final import Final, measure_at_end
from distnet.train.inventory.flat import weights_sha256
from distnet.train.loop import Loop, Outcome
from distnet.train.own.callbacks import Callbacks
from distnet.train.reporter import RecordReporter
from distnet.train.resume import Start, begin, require_same_start, restore
from distnet.train.step.proof import require_proof

STOP_CHECK_S = 0.1
INSTALLING_LIMIT_S = 2 * TIME_LIMIT_S
"""A worker may also wait for another that installs the same."""


def work(
    assignment: Assignment,
    group: WorkerGroup,
    home: Home | None = None,
    *,
    listener: Emit | None = None,
) -> dict[str, Any]:
    """Train as one of the workers of `group`.

    Args:
        assignment: the attempt, with folders that this worker sees.
        group: the workers.
        home: where the run is kept; by default in the assignment's folder.
        listener: receives every record.

    Returns:
        Plain values: status, step, metrics, samples_per_second, first_step_s, weights_sha256.

    Raises:
        DistnetError: a mistake that the user can correct, or training itself failed.
    """
    job, folder = assignment.job, assignment.folder
    forget()
    torch.set_num_threads(job.train.threads_per_slice)
    require_instruction_set(job, torch.backends.cpu.get_cpu_capability)
    prepare_libraries()
    device, worker = torch.device(group.device), describe_worker(group.rank, group.device)
    heartbeat = Heartbeat(
        folder.heartbeat(group.rank),
        attempt=assignment.attempt,
        after_s=job.retry.hang.after,
        log=folder.worker_log(group.rank),
        gpu_load=gpu_load(device),
    )
    with heartbeat, faults_explained(worker), kept_generators(device), ExitStack() as stack:
        assignment = with_packages(assignment, group, heartbeat)
        assignment, group = introduce(assignment, group)
        code, precision = assignment.code_folder, assignment.precision
        stack.enter_context(arithmetic(job.train, group.device, precision))
        with settings_kept():  # the user's own files may change them
            trainee = build(job, assignment.dataset_folder, code, group, precision)
        stack.callback(trainee.close)
        home = home or SharedHome(assignment)
        start = _start(trainee, assignment, home, heartbeat)
        require_same_start(trainee, start, group)
        require_proof(trainee, group, start.position.step, start.facts)
        if group.rank == 0:
            return _lead(trainee, assignment, group, home, start, heartbeat, listener)
        outcome = Loop(trainee, group, start.position, heartbeat).run()
        sha256 = weights_sha256(trainee.flat.network)
        final = _final(trainee, group, home, outcome, heartbeat)
        return _result(trainee, outcome, final, sha256)


def _start(trainee: Trainee, assignment: Assignment, home: Home, heartbeat: Heartbeat) -> Start:
    """Begin, or resume; a checkpoint that comes piece by piece keeps the heartbeat going."""
    if not assignment.is_resumed:
        return begin(trainee, assignment)
    beat = partial(heartbeat.at, Stage.STARTING, limit_s=STARTING_LIMIT_S)
    return restore(trainee, assignment, home, on_piece=beat)


def with_packages(assignment: Assignment, group: WorkerGroup, heartbeat: Heartbeat) -> Assignment:
    """Install the packages of the job on this node, unless it has them; wait for all workers.

    All workers of `group` must call this.

    Raises:
        PackageError: they cannot be installed here.
        PackageIndexError: the index of packages cannot be reached from here.
    """
    wanted = requirements_of_lines(assignment.packages)
    if wanted.packages:
        heartbeat.at(Stage.INSTALLING, limit_s=INSTALLING_LIMIT_S)
    used = use_packages(wanted, assignment.code_folder)
    if not wanted.packages:
        return assignment
    seconds = max(gather(group, used.seconds))  # before the shorter limit of the start
    heartbeat.at(Stage.STARTING, limit_s=STARTING_LIMIT_S)
    return replace(assignment, packages_s=assignment.packages_s + seconds)


def introduce(assignment: Assignment, group: WorkerGroup) -> tuple[Assignment, WorkerGroup]:
    """Learn what each worker computes with, and decide the number format together.

    All workers of `group` must call this.

    Raises:
        NotEnoughResourcesError: a worker's hardware does not have the format of the job.
    """
    own = planned_precision(assignment), read_fingerprint(group.device)
    (planned, *_), fingerprints = zip(*gather(group, own), strict=True)
    precision = decide_precision(planned, fingerprints)
    if group.rank == 0:
        keep_decision(assignment.folder, precision)
    return replace(assignment, precision=precision), replace(group, fingerprints=fingerprints)


def _lead(  # noqa: PLR0917
    trainee: Trainee,
    assignment: Assignment,
    group: WorkerGroup,
    home: Home,
    start: Start,
    heartbeat: Heartbeat,
    listener: Emit | None,
) -> dict[str, Any]:
    """Rank 0's part: it also writes the records, the checkpoints and the last evaluation."""
    folder, attempt = assignment.folder, assignment.attempt
    with ExitStack() as stack:
        events = folder.tensorboard if "tensorboard" in trainee.job.track else None
        recorder = Recorder(folder.metrics, events, attempt=attempt, listener=listener)
        stack.callback(recorder.close)
        records = RecordReporter(recorder.emit, trainee, assignment, group)
        reporter = Callbacks(records, recorder.emit, trainee, assignment)
        reporter.restore(start.callbacks)
        emit, metrics = reporter.emit, trainee.task.metrics
        saver = Saver(trainee.job, assignment, emit, metrics, home, kept=reporter.kept)
        stack.callback(saver.close)
        moved = moved_note(start.facts.get("devices"), group.fingerprints)
        notes = [note for note in (moved, unlike_note(group.fingerprints)) if note]
        reporter.begin(start.position, (*_notes(trainee), *start.notes, *notes))
        loop = Loop(
            trainee,
            group,
            start.position,
            heartbeat,
            reporter=reporter,
            saver=saver,
            should_stop=StopFile(folder.stop),
            should_end=reporter.should_end,
        )
        outcome = loop.run()
        sha256 = weights_sha256(trainee.flat.network)
        final = _final(trainee, group, home, outcome, heartbeat)
        if final is not None:
            reporter.final(outcome.step, final)
        write_artifacts(folder, trainee, outcome, final)
        early, median_s = outcome.stopped_early, heartbeat.median_step_s
        reporter.end(outcome.status, loop.state.position(), median_s, early)
        return _result(trainee, outcome, final, sha256, records)


def _final(
    trainee: Trainee, group: WorkerGroup, home: Home, outcome: Outcome, heartbeat: Heartbeat
) -> Final | None:
    """Measure what is measured once, unless the training goes on later."""
    if outcome.status != "finished":
        return None
    return measure_at_end(trainee, group, home, outcome.step, heartbeat)


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
        # Unlike Path.exists, this raises nothing on an unreliable network.
        return os.path.exists(self._path)


def _result(
    trainee: Trainee,
    outcome: Outcome,
    final: Final | None,
    sha256: str,
    reporter: RecordReporter | None = None,
) -> dict[str, Any]:
    """What a worker returns; `sha256` is that of the weights of the last step."""
    speeds = reporter.speeds[1:] or reporter.speeds if reporter else ()
    measured = {trainee.split: outcome.evaluation} if outcome.evaluation else {}
    measured |= {final.split: final.evaluation} if final else {}
    metrics = {f"{split}_{k}": v for split, one in measured.items() for k, v in one.metrics.items()}
    return {
        "status": outcome.status,
        "steps": outcome.step,
        "num_steps": trainee.num_steps,
        "stopped_early": outcome.stopped_early,
        "epochs": outcome.step / trainee.feed.steps_per_epoch,
        "slices": trainee.job.num_slices,
        "metrics": metrics,
        "samples_per_second": statistics.median(speeds) if speeds else None,
        "first_step_s": reporter.first_step_s if reporter else None,
        "weights_sha256": sha256,
        "notes": _notes(trainee),
    }


def _notes(trainee: Trainee) -> list[str]:
    """What the user should know of the evaluation."""
    note = split_note(trainee.job, trainee.data)
    return [note] if note else []
