"""Run a job now, or resume a run: the entry point of the command line and of Python.

job file -> plan -> run folder -> attempts (inline, or Ray Train) -> result, report
"""

import time
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path

import torch

from distnet.errors import CheckpointError, RunError
from distnet.launch.folder import make_run_folder, manifest_bytes
from distnet.launch.placement import Placement
from distnet.launch.plan import Plan, make_plan
from distnet.launch.sizing import WorkerRange
from distnet.launch.train import train
from distnet.notebook.run import Run, folder_of
from distnet.notebook.showing import showing
from distnet.run_folder.assignment import Assignment
from distnet.run_folder.code import (
    code_folder,
    copy_folder,
    keep_code,
    warn_of_other_code,
    warn_of_other_job,
)
from distnet.run_folder.create import write_plan
from distnet.run_folder.format import require_resumable
from distnet.run_folder.lock import held
from distnet.run_folder.paths import RunFolder, shown
from distnet.run_folder.read import describe_start, holds_run, is_finished, read_object, read_plan
from distnet.run_folder.records.recorder import Emit, stage_record
from distnet.run_folder.requests import clear_requests
from distnet.spec.code.collect import own_code
from distnet.spec.packages.use import print_progress
from distnet.spec.read import JobFile, read_job
from distnet.spec.reading.overrides import Overrides, as_texts
from distnet.spec.sections.job import Job
from distnet.spec.variables import variables_set
from distnet.train.checkpoint.identity import changed_keys, identity
from distnet.train.device.portable import fix_instruction_set
from distnet.trained.start.start_weights import StartWeights, job_start_weights, read_start_weights


def run(
    job: str | Path,
    *,
    workers: int | None = None,
    inline: bool = False,
    overrides: Overrides = (),
    name: str | None = None,
    runs: str | Path = "runs",
    job_folder: Path | None = None,
    start_from: str | Path | None = None,
    address: str | None = None,
    placement: Placement | None = None,
    progress: bool | None = None,
    listener: Emit | None = None,
    process_started: float | None = None,
) -> Run:
    """Train the job of a job file in a new run folder.

    Ctrl-C, or an interrupt of the kernel, finishes the step, saves a checkpoint and returns the
    stopped run; a second one ends at once.

    Args:
        job: the job file.
        workers: instead of `resources.workers`.
        inline: train in this process, without Ray.
        overrides: of keys of the job file: `{"train.epochs": 3}`, or `["train.epochs=3"]`.
        name: of the run; by default the job's name and a number.
        runs: the folder of run folders.
        job_folder: where the job's relative paths count from; by default that of the file.
        start_from: another run, with whose newest weights this one begins at step 0.
        address: of a Ray cluster; by default one is started for the run.
        placement: where a server lets its workers be on that cluster.
        progress: whether to show it; by default in a notebook, unless there is a listener.
        listener: receives every record of metrics.jsonl.
        process_started: Unix time from which `first_step_s` counts; by default now.

    Raises:
        DistnetError: the user can fix it, or training itself failed.
    """
    file = read_job(job, overrides=as_texts(overrides), folder=job_folder)
    return run_file(
        file,
        workers=workers,
        inline=inline,
        name=name,
        runs=runs,
        start_from=start_from,
        address=address,
        placement=placement,
        progress=progress,
        listener=listener,
        process_started=process_started,
    )


def run_file(
    file: JobFile,
    *,
    workers: int | None = None,
    inline: bool = False,
    name: str | None = None,
    runs: str | Path = "runs",
    start_from: str | Path | None = None,
    address: str | None = None,
    placement: Placement | None = None,
    progress: bool | None = None,
    listener: Emit | None = None,
    process_started: float | None = None,
) -> Run:
    """Train a job file that was read before, as `run` does.

    Raises:
        DistnetError: the user can fix it, or training itself failed.
    """
    started = process_started or time.time()
    with ExitStack() as stack:
        shows = stack.enter_context(showing(progress, listener))
        stack.enter_context(variables_set(file.job.env))
        if inline:
            fix_instruction_set(file.job, torch.backends.cpu.get_cpu_capability)
        plan = make_plan(file, workers=workers, inline=inline, say=_stages(shows.listener))
        start = _start_weights(file, start_from)
        folder = make_run_folder(Path(runs), file, plan, name, start)
        assignment = _assignment(folder, file.job.resolved(), plan, started, inline=inline)
        limits = _limits(file.job, workers, inline=inline)
        stack.enter_context(held(folder))
        listener = shows.listener
        result = train(assignment, limits, address=address, placement=placement, listener=listener)
        shows.end(result)
    return Run(RunFolder(shown(folder.path.resolve())))


def resume(
    run: str | Path | Run,
    *,
    workers: int | None = None,
    inline: bool = False,
    overrides: Overrides = (),
    runs: str | Path = "runs",
    new_code: bool = False,
    address: str | None = None,
    placement: Placement | None = None,
    progress: bool | None = None,
    listener: Emit | None = None,
    process_started: float | None = None,
) -> Run:
    """Resume a run from its newest checkpoint, on any number of workers.

    The run continues with its own copy of the user's code. With `new_code` it adopts the code that
    is beside the job file now; its records say from which attempt on.

    Args:
        run: its name, its folder, or `latest`.
        runs: the folder in which names are looked up.

    The other arguments are those of `run`.

    Raises:
        RunError: there is no such run, it is finished, or its copy of the code was changed.
        DistnetError: the user can fix it, or training itself failed.
    """
    started = process_started or time.time()
    overrides = as_texts(overrides)
    folder = _resumable(RunFolder(folder_of(run, runs).path.resolve()))
    with held(folder), ExitStack() as stack:
        before = read_plan(folder)
        file = read_job(folder.job, overrides=overrides, folder=before.job_folder)
        stack.enter_context(variables_set(file.job.env))
        if inline:
            fix_instruction_set(file.job, torch.backends.cpu.get_cpu_capability)
        if not new_code:
            warn_of_other_code(folder)
            file = replace(file, code=code_folder(folder, before))
        warn_of_other_job(folder)
        code = own_code(file)
        _refuse_finished(folder, overrides)
        shows = stack.enter_context(showing(progress, listener))
        kept, say = None if new_code else before.packages, _stages(shows.listener)
        plan = make_plan(file, workers=workers, inline=inline, packages=kept, is_new=False, say=say)
        plan = replace(plan, precision=before.precision, job_file=dict(before.job_file))
        _refuse_another_job(folder, file, plan.dataset_folder)
        keep_code(folder, code)
        write_plan(folder, file.job, plan.to_dict(), manifest_bytes(plan.dataset_folder))
        clear_requests(folder)
        assignment = _assignment(folder, file.job, plan, started, inline=inline)
        assignment = replace(assignment, is_resumed=True, cause="resume")
        limits = _limits(file.job, workers, inline=inline)
        listener = shows.listener
        result = train(assignment, limits, address=address, placement=placement, listener=listener)
        shows.end(result)
    return Run(RunFolder(shown(folder.path)))


def _resumable(folder: RunFolder) -> RunFolder:
    """Refuse a folder that has no job or plan, or is of an older version that cannot go on."""
    if not holds_run(folder):
        raise RunError(
            f"{shown(folder.path)}: found no run in this folder ({folder.job.name} or "
            f"{folder.plan.name} is missing); list the runs with: distnet runs"
        )
    require_resumable(folder)
    return folder


def _assignment(
    folder: RunFolder, job: Job, plan: Plan, started: float, *, inline: bool
) -> Assignment:
    return Assignment(
        job=job,
        job_folder=plan.job_folder,
        code=str(copy_folder(folder, plan.code_sha256).resolve()) if plan.code_sha256 else "",
        code_sha256=plan.code_sha256,
        dataset=plan.dataset,
        run=str(folder.path.resolve()),
        launch="inline" if inline else "ray",
        precision=plan.precision,
        packages=plan.packages,
        packages_s=plan.packages_s,
        begins_with=describe_start(folder),
        process_started=started,
    )


def _start_weights(file: JobFile, start_from: str | Path | None) -> StartWeights | None:
    """The weights that a new run begins with: those of another run, or as its job says."""
    if start_from is None:
        return job_start_weights(file)
    if file.job.start is not None:
        raise file.fault("start", "found --start-from beside it, expected one of them")
    return read_start_weights(RunFolder(Path(start_from)))


def _stages(listener: Emit | None) -> Callable[[str], None]:
    """Let the listener know what takes long before there is a run folder to record it in."""
    return print_progress if listener is None else lambda text: listener(stage_record(text))


def _limits(job: Job, workers: int | None, *, inline: bool) -> WorkerRange:
    """The numbers of workers that a run may have: as given here, else as the job says."""
    if inline:
        return WorkerRange(1, 1)
    if workers is not None:
        return WorkerRange(workers, workers)
    return WorkerRange(job.resources.min_workers, job.resources.max_workers)


def _refuse_finished(folder: RunFolder, overrides: Overrides) -> None:
    if is_finished(folder) and not overrides:
        early = read_object(folder.result).get("stopped_early")
        longer = "train.early_stopping.patience=N" if early else "train.epochs=N"
        longer = "callbacks=[]" if str(early).endswith("callback") else longer
        raise RunError(
            f"{shown(folder.path)}: this run {early or 'is finished'}; train it for longer with "
            f"--set {longer}, or start a new run"
        )


def _refuse_another_job(folder: RunFolder, file: JobFile, dataset: Path | None) -> None:
    """Refuse overrides that would change the weights, before anything is written."""
    began_with = read_job(folder.job, folder=file.folder).job
    if identity(began_with, dataset) != identity(file.job, dataset):
        keys = ", ".join(changed_keys(began_with, file.job))
        raise CheckpointError(
            f"{shown(folder.path)}: --set changes what the run trains ({keys}); a resumed run may "
            "change only its length, its machines, checkpoints and evaluation. Start a new run "
            "instead"
        )
