"""Run a job now, or go on with a run: the one way in for the command line and for Python.

job file -> plan -> run folder -> attempt (inline, or Ray Train) -> result, report
"""

import json
import os
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from distnet.errors import DistnetError, RunError
from distnet.launch.folder import held, make_run_folder, write_json
from distnet.launch.inline import train_inline
from distnet.launch.plan import make_plan
from distnet.launch.tail import following
from distnet.report.run import read_object
from distnet.spec.read import JobFile, read_job
from distnet.spec.run_folder import RunFolder
from distnet.train.assignment import Assignment
from distnet.train.record import Tell, append_lines


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
    address: str | None = None,
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
        address: of a Ray cluster; by default one is started for the run.
        listener: is told every record of metrics.jsonl.
        process_started: Unix time from which `first_step_s` counts; by default now.

    Raises:
        DistnetError: whatever the user can mend, or training itself failed.
    """
    started = process_started or time.time()
    file = read_job(job, overrides=overrides)
    plan = make_plan(file, workers=workers, inline=inline)
    folder = make_run_folder(Path(runs), file, plan, name)
    assignment = Assignment(
        job=file.job.resolved(),
        job_folder=plan.job_folder,
        dataset=plan.dataset,
        run=str(folder.path.resolve()),
        launch="inline" if inline else "ray",
        precision=plan.precision,
        process_started=started,
    )
    return _attempt(assignment, file, plan.workers, address, listener)


def resume(
    run: str | Path,
    *,
    workers: int | None = None,
    inline: bool = False,
    overrides: Sequence[str] = (),
    address: str | None = None,
    listener: Tell | None = None,
    process_started: float | None = None,
) -> Run:
    """Go on with a run from its newest checkpoint, on any number of workers.

    Raises:
        RunError: there is no such run, or it is finished.
        DistnetError: whatever the user can mend, or training itself failed.
    """
    started = process_started or time.time()
    folder = RunFolder(Path(run))
    file, before = _read_run(folder, overrides)
    plan = make_plan(file, workers=workers, inline=inline)
    folder.stop.unlink(missing_ok=True)
    assignment = Assignment(
        job=file.job,
        job_folder=before["job_folder"],
        dataset=plan.dataset,
        run=str(folder.path.resolve()),
        launch="inline" if inline else "ray",
        attempt=_num_attempts(folder) + 1,
        is_resumed=True,
        precision=before["precision"],
        process_started=started,
    )
    return _attempt(assignment, file, plan.workers, address, listener)


def _attempt(
    assignment: Assignment, file: JobFile, workers: int, address: str | None, listener: Tell | None
) -> Run:
    folder, began = assignment.folder, time.time()
    with held(folder):
        try:
            outcome = _launch(assignment, file, workers, address, listener)
        except DistnetError as error:
            _tell_failure(assignment, str(error), time.time() - began)
            raise
        except BaseException as error:
            _tell_failure(assignment, f"interrupted ({type(error).__name__})", time.time() - began)
            raise
        folder.stop.unlink(missing_ok=True)
        result = _result(assignment, outcome, workers, time.time() - assignment.process_started)
        write_json(folder.result, result)
    return Run(RunFolder(_shown(folder.path)), result)


def _launch(
    assignment: Assignment, file: JobFile, workers: int, address: str | None, listener: Tell | None
) -> dict[str, Any]:
    if assignment.launch == "inline":
        return train_inline(assignment, gpus=file.job.resources.gpus, listener=listener)
    from distnet.launch.ray_train import train_on_ray

    with following(assignment.folder.metrics, listener):
        return train_on_ray(
            assignment,
            workers=workers,
            cpus=file.job.num_cpus,
            gpus=file.job.resources.gpus,
            address=address,
        )


def _result(
    assignment: Assignment, outcome: dict[str, Any], workers: int, seconds: float
) -> dict[str, Any]:
    path = _shown(assignment.folder.path)
    head = {"run": path.name, "folder": str(path), "status": outcome["status"], "workers": workers}
    return {**head, **outcome, "attempts": assignment.attempt, "seconds": seconds}


def _read_run(folder: RunFolder, overrides: Sequence[str]) -> tuple[JobFile, dict[str, Any]]:
    if not folder.job.is_file() or not folder.plan.is_file():
        raise RunError(
            f"{folder.path}: found no run there (job.yaml or plan.json is missing); "
            "list the runs with: distnet runs"
        )
    before = _read_plan(folder)
    file = read_job(folder.job, overrides=overrides, folder=Path(before["job_folder"]))
    if _is_finished(folder) and not overrides:
        raise RunError(
            f"{folder.path}: this run is finished; train it for longer with "
            f"--set train.epochs=N, or start a new one"
        )
    return file, before


def _read_plan(folder: RunFolder) -> dict[str, Any]:
    """What a run keeps from its beginning, whatever machine goes on with it."""
    try:
        plan = json.loads(folder.plan.read_bytes())
        return {key: str(plan[key]) for key in ("job_folder", "precision")}
    except (OSError, ValueError, KeyError, TypeError):
        raise RunError(
            f"{folder.plan}: damaged, and a run cannot go on without it; train the job again"
        ) from None


def _is_finished(folder: RunFolder) -> bool:
    return bool(read_object(folder.result).get("status") == "finished")


def _num_attempts(folder: RunFolder) -> int:
    if not folder.metrics.is_file():
        return 0
    with folder.metrics.open(errors="replace") as file:
        return sum('"kind": "attempt"' in line for line in file)


def _tell_failure(assignment: Assignment, error: str, seconds: float) -> None:
    """Leave the reason in the records; a folder that is full or gone may be the reason itself."""
    record = {"kind": "end", "attempt": assignment.attempt, "status": "failed", "step": None}
    line = json.dumps(record | {"seconds": seconds, "error": error})
    try:
        with append_lines(assignment.folder.metrics) as file:
            file.write(line + "\n")
    except OSError:
        return


def _shown(path: Path) -> Path:
    """The path as short as it can be told from here."""
    try:
        return path.relative_to(os.getcwd())
    except ValueError:
        return path
