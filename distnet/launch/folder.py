"""Run folders: claimed by making them, filled before anything starts."""

import json
import re
import shutil
from pathlib import Path
from typing import Any

from distnet.data.manifest import MANIFEST, read_manifest
from distnet.errors import RunError
from distnet.launch.environment import read_environment
from distnet.launch.plan import Plan
from distnet.run_folder.paths import RunFolder
from distnet.run_folder.write import write_whole
from distnet.spec.dump import dump_job
from distnet.spec.read import JobFile
from distnet.spec.sections.job import Job
from distnet.spec.sections.section import NAME
from distnet.trained.start_weights import Learned


def make_run_folder(
    runs: Path, file: JobFile, plan: Plan, name: str | None, learned: Learned | None = None
) -> RunFolder:
    """Make the folder of a new run with its job, plan and environment.

    Args:
        runs: where run folders lie.
        file: the job.
        plan: its plan.
        name: of the run; by default the job's name and the next free number.
        learned: what another run has learned, if it begins with that.

    Raises:
        RunError: the name is taken, or the folder cannot be written; nothing is left behind.
    """
    try:
        runs.mkdir(parents=True, exist_ok=True)
        folder = RunFolder(_claim(runs, file.job.name, name))
    except OSError as error:
        raise _cannot_write(runs, error) from None
    try:
        _fill(folder, file.job, plan, learned)
    except OSError as error:
        shutil.rmtree(folder.path, ignore_errors=True)
        raise _cannot_write(folder.path, error) from None
    except RunError:
        shutil.rmtree(folder.path, ignore_errors=True)
        raise
    return folder


def write_plan(folder: RunFolder, job: Job, plan: Plan) -> None:
    """Write what the run is going to do: at its beginning, and when it is resumed otherwise."""
    write_whole(folder.job, dump_job(job.resolved()).encode())
    write_json(folder.plan, plan.to_dict())
    write_whole(folder.data_manifest, (Path(plan.dataset) / MANIFEST).read_bytes())


def write_json(path: Path, value: Any) -> None:
    """Write a JSON file whole or not at all.

    Raises:
        RunError: it cannot be written.
    """
    write_whole(path, (json.dumps(value, indent=2) + "\n").encode())


def _claim(runs: Path, job_name: str, name: str | None) -> Path:
    if name is not None:
        if not re.fullmatch(NAME, name):
            raise RunError(
                f"--name {name}: expected lower-case letters, digits and dashes, as in digits-2"
            )
        try:
            (runs / name).mkdir()
        except FileExistsError:
            raise RunError(
                f"{runs / name}: the run name {name!r} is taken; choose another --name, "
                f"or go on with that run: distnet run --resume {runs / name}"
            ) from None
        return runs / name
    number = 1
    while True:
        try:
            (runs / f"{job_name}-{number}").mkdir()
            return runs / f"{job_name}-{number}"
        except FileExistsError:
            number += 1


def _fill(folder: RunFolder, job: Job, plan: Plan, learned: Learned | None) -> None:
    """Write all that a run needs; with its plan, the last, it is one that can be gone on with."""
    folder.logs.mkdir()
    folder.checkpoints.mkdir()
    environment = read_environment(read_manifest(Path(plan.dataset)).sha256, Path(plan.job_folder))
    if learned is not None:
        write_whole(folder.start, learned.weights)
        environment["start"] = learned.to_dict()
    write_json(folder.environment, environment)
    write_plan(folder, job, plan)


def _cannot_write(path: Path, error: OSError) -> RunError:
    return RunError(
        f"{path}: the run folder cannot be written: {error.strerror}; "
        "make room or choose another place with --runs"
    )
