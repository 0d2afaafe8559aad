"""Run a job now, or go on with a run: the one way in for the command line and for Python.

job file -> plan -> run folder -> attempts (inline, or Ray Train) -> result, report
"""

import json
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from distnet.errors import CheckpointError, RunError
from distnet.launch.folder import make_run_folder, write_plan
from distnet.launch.placement import Placement
from distnet.launch.plan import make_plan
from distnet.launch.sizing import Size
from distnet.launch.train import shown, train
from distnet.run_folder.assignment import Assignment
from distnet.run_folder.lock import held
from distnet.run_folder.paths import RunFolder
from distnet.run_folder.read import read_object
from distnet.run_folder.recorder import Tell
from distnet.spec.read import JobFile, read_job
from distnet.spec.sections.job import Job
from distnet.train.checkpoint.saver import identity
from distnet.trained.start_weights import read_learned, told_start


@dataclass(frozen=True)
class Run:
    """A run that has ended, and its folder."""

    folder: RunFolder
    result: dict[str, Any]

    @property
    def metrics(self) -> dict[str, float]:
        """The last evaluation: `test_accuracy`, `test_loss`, ..."""
        metrics: dict[str, float] = self.result["metrics"]
        return metrics

    @property
    def status(self) -> str:
        """`finished` or `stopped`."""
        return str(self.result["status"])

    def report(self) -> Path:
        """Write the report page and its figures; returns the page."""
        from distnet.report.page import write_report

        return write_report(self.folder)

    def __repr__(self) -> str:
        """Name, status and metrics, as a notebook shows it."""
        figures = ", ".join(f"{k} {v:.4g}" for k, v in self.metrics.items())
        return f"<Run {self.folder.name}: {self.status}, {figures}>"


def run(
    job: str | Path,
    *,
    workers: int | None = None,
    inline: bool = False,
    overrides: Sequence[str] = (),
    name: str | None = None,
    runs: str | Path = "runs",
    job_folder: Path | None = None,
    start_from: str | Path | None = None,
    address: str | None = None,
    placement: Placement | None = None,
    listener: Tell | None = None,
    process_started: float | None = None,
) -> Run:
    """Train the job of a job file in a new run folder.

    Args:
        job: the job file.
        workers: instead of `resources.workers`.
        inline: train in this process, without Ray.
        overrides: such as `train.epochs=3`.
        name: of the run; by default the job's name and a number.
        runs: the folder of run folders.
        job_folder: where the job's relative paths count from; by default where the file lies.
        start_from: another run, with whose newest weights this one begins at step 0.
        address: of a Ray cluster; by default one is started for the run.
        placement: where a server lets its workers be on that cluster.
        listener: is told every record of metrics.jsonl.
        process_started: Unix time from which `first_step_s` counts; by default now.

    Raises:
        DistnetError: whatever the user can mend, or training itself failed.
    """
    started = process_started or time.time()
    file = read_job(job, overrides=overrides, folder=job_folder)
    plan = make_plan(file, workers=workers, inline=inline)
    learned = None if start_from is None else read_learned(RunFolder(Path(start_from)))
    folder = make_run_folder(Path(runs), file, plan, name, learned)
    assignment = Assignment(
        job=file.job.resolved(),
        job_folder=plan.job_folder,
        dataset=plan.dataset,
        run=str(folder.path.resolve()),
        launch="inline" if inline else "ray",
        precision=plan.precision,
        begins_with=told_start(folder),
        process_started=started,
    )
    size = _size(file.job, workers, inline=inline)
    with held(folder):
        result = train(assignment, size, address=address, placement=placement, listener=listener)
    return Run(RunFolder(shown(folder.path.resolve())), result)


def resume(
    run: str | Path,
    *,
    workers: int | None = None,
    inline: bool = False,
    overrides: Sequence[str] = (),
    address: str | None = None,
    placement: Placement | None = None,
    listener: Tell | None = None,
    process_started: float | None = None,
) -> Run:
    """Go on with a run from its newest checkpoint, on any number of workers.

    Raises:
        RunError: there is no such run, or it is finished.
        DistnetError: whatever the user can mend, or training itself failed.
    """
    started = process_started or time.time()
    folder = RunFolder(Path(run).resolve())
    if not folder.job.is_file() or not folder.plan.is_file():
        raise RunError(
            f"{run}: found no run there (job.yaml or plan.json is missing); "
            "list the runs with: distnet runs"
        )
    with held(folder):
        before = _read_plan(folder)
        file = read_job(folder.job, overrides=overrides, folder=Path(before["job_folder"]))
        _refuse_finished(folder, overrides)
        plan = make_plan(file, workers=workers, inline=inline)
        plan = replace(plan, precision=before["precision"])
        _refuse_another_job(folder, file, Path(plan.dataset))
        write_plan(folder, file.job, plan)
        for before_this in (folder.stop, folder.resize, folder.result):
            before_this.unlink(missing_ok=True)
        assignment = Assignment(
            job=file.job,
            job_folder=plan.job_folder,
            dataset=plan.dataset,
            run=str(folder.path),
            launch="inline" if inline else "ray",
            is_resumed=True,
            cause="resume",
            precision=plan.precision,
            begins_with=told_start(folder),
            process_started=started,
        )
        size = _size(file.job, workers, inline=inline)
        result = train(assignment, size, address=address, placement=placement, listener=listener)
    return Run(RunFolder(shown(folder.path)), result)


def _size(job: Job, workers: int | None, *, inline: bool) -> Size:
    """The workers that a run may have: as asked for here, else as the job says."""
    if inline:
        return Size(1, 1)
    if workers is not None:
        return Size(workers, workers)
    return Size(job.resources.min_workers, job.resources.max_workers)


def _refuse_finished(folder: RunFolder, overrides: Sequence[str]) -> None:
    is_finished = read_object(folder.result).get("status") == "finished"
    if is_finished and not overrides:
        raise RunError(
            f"{shown(folder.path)}: this run is finished; train it for longer with "
            "--set train.epochs=N, or start a new one"
        )


def _refuse_another_job(folder: RunFolder, file: JobFile, dataset: Path) -> None:
    """Refuse overrides that would make other weights, before anything is written."""
    began_with = read_job(folder.job, folder=file.folder).job
    if identity(began_with, dataset) != identity(file.job, dataset):
        raise CheckpointError(
            f"{shown(folder.path)}: --set asks for another job file than the run began with; only "
            "the length, the machines, checkpoints and evaluation may change. Start a new run"
        )


def _read_plan(folder: RunFolder) -> dict[str, Any]:
    """What a run keeps from its beginning, whatever machine goes on with it."""
    try:
        plan = json.loads(folder.plan.read_bytes())
        return {key: str(plan[key]) for key in ("job_folder", "precision")}
    except (OSError, ValueError, KeyError, TypeError):
        raise RunError(
            f"{folder.plan}: damaged, and a run cannot go on without it; train the job again"
        ) from None
