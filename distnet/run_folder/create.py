"""Make the folder of a new run: claimed by its name, filled before anything starts."""

import re
import shutil
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from distnet.errors import RunError
from distnet.run_folder.code import keep_code
from distnet.run_folder.paths import RunFolder
from distnet.run_folder.write import write_json, write_whole
from distnet.spec.code.collect import OwnCode
from distnet.spec.dump import dump_job
from distnet.spec.printable import argument
from distnet.spec.sections.job import Job
from distnet.spec.sections.section import NAME


@dataclass(frozen=True)
class Contents:
    """What a run folder holds before its first attempt."""

    job: Job
    plan: Mapping[str, Any]
    environment: Mapping[str, Any]
    data_manifest: bytes | None
    """A copy of the dataset's manifest; None where the task makes its own samples."""
    start_weights: bytes | None = None
    """As a safetensors file; None for a run that draws its first weights."""
    code: OwnCode = OwnCode()
    """The user's own code."""


def create_run_folder(runs: Path, contents: Contents, name: str | None) -> RunFolder:
    """Make the folder of a new run.

    Args:
        runs: where run folders are.
        contents: of the new one.
        name: of the run; by default the job's name and the next free number.

    Raises:
        RunError: the name is taken, or the folder cannot be written; nothing is left behind.
    """
    try:
        runs.mkdir(parents=True, exist_ok=True)
        folder = RunFolder(claim_folder(runs, contents.job.name, name))
    except OSError as error:
        raise _cannot_write(runs, error) from None
    try:
        _fill(folder, contents)
    except OSError as error:
        shutil.rmtree(folder.path, ignore_errors=True)
        raise _cannot_write(folder.path, error) from None
    except RunError:
        shutil.rmtree(folder.path, ignore_errors=True)
        raise
    return folder


def write_plan(
    folder: RunFolder, job: Job, plan: Mapping[str, Any], data_manifest: bytes | None
) -> None:
    """Write what the run is going to do: at its beginning, and when it resumes with a new plan.

    Raises:
        RunError: it cannot be written.
    """
    write_whole(folder.job, dump_job(job.resolved()).encode())
    write_json(folder.plan, plan)
    if data_manifest is not None:
        write_whole(folder.data_manifest, data_manifest)


def remove_incomplete(folder: RunFolder) -> None:
    """Remove what a process that was killed while it filled the run folder has left.

    A folder with anything else in it stays as it is.
    """
    files = (folder.start, folder.environment, folder.job, folder.data_manifest, folder.stop)
    empty = (folder.logs, folder.checkpoints)
    with suppress(OSError):
        found = {path for path in folder.path.iterdir() if not path.name.startswith(".partial-")}
        if found <= {*files, *empty, folder.code} and not any(
            any(each.iterdir()) for each in found & {*empty}
        ):
            shutil.rmtree(folder.path)


def claim_folder(runs: Path, base: str, name: str | None) -> Path:
    """Make an empty folder below `runs`: with the given name, else BASE-1, BASE-2, ...

    Raises:
        RunError: the name is taken, or is none that a run can have.
        OSError: it cannot be made.
    """
    if name is None:
        return _claim_number(runs, base)
    if not re.fullmatch(NAME, name):
        raise RunError(
            f"--name {name}: expected lower-case letters, digits and dashes, as in digits-2"
        )
    try:
        (runs / name).mkdir()
    except FileExistsError:
        raise RunError(
            f"{runs / name}: the run name {name!r} is taken; choose another --name, "
            f"or resume that run: distnet run --resume {argument(runs / name)}"
        ) from None
    return runs / name


def _claim_number(runs: Path, base: str) -> Path:
    number = 1
    while True:
        try:
            (runs / f"{base}-{number}").mkdir()
            return runs / f"{base}-{number}"
        except FileExistsError:
            number += 1


def _fill(folder: RunFolder, contents: Contents) -> None:
    """Write all that a run needs; the plan comes with the last files, and makes it resumable."""
    folder.logs.mkdir()
    folder.checkpoints.mkdir()
    keep_code(folder, contents.code)
    if contents.start_weights is not None:
        write_whole(folder.start, contents.start_weights)
    write_json(folder.environment, contents.environment)
    write_plan(folder, contents.job, contents.plan, contents.data_manifest)


def _cannot_write(path: Path, error: OSError) -> RunError:
    return RunError(
        f"{path}: the run folder cannot be written: {error.strerror}; "
        "free disk space, or choose another folder with --runs"
    )
