"""The record of a sweep here: which runs belong to it, and what each of them changes.

    runs/digits-sweep-1/     sweep.json, and a copy of the user's own code
    runs/digits-sweep-1-1/   a run, as any other
    runs/digits-sweep-1-2/

It is written whole before the first trial begins, so a sweep that was killed knows what is missing.
"""

import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from distnet.errors import JobFileError, RunError
from distnet.run_folder.code import copy_folder
from distnet.run_folder.lock import is_held
from distnet.run_folder.paths import RunFolder, shown
from distnet.run_folder.read import read_object
from distnet.run_folder.records.kinds import Record
from distnet.run_folder.write import write_json
from distnet.spec.read import JobFile, read_job_text
from distnet.spec.reading.validation import first_damage
from distnet.spec.sweep import changes, naming_sweep

FILE = "sweep.json"


class Trial(Record):
    """One run of a sweep; it may not have begun."""

    name: str
    """Of its run folder."""
    overrides: tuple[str, ...]
    """What it changes, as `optimizer.learning_rate=0.01`."""
    code_sha256: str = ""
    """Of the user's own code; empty if there is none."""

    @property
    def changes(self) -> dict[str, Any]:
        """By dotted key, the value that it changes."""
        return changes(self.overrides)

    @property
    def text(self) -> str:
        """What it changes, on one line."""
        return ", ".join(self.overrides)


class Contents(Record):
    """`sweep.json`: all that the trials have in common, and their list."""

    job_file: str
    job_folder: str
    job: str
    """The text of the job file, as it was when the sweep began."""
    sets: tuple[str, ...] = ()
    """The overrides of all trials."""
    workers: int | None = None
    inline: bool = False
    start_from: str | None = None
    trials: tuple[Trial, ...]
    rungs: tuple[float, ...] = ()
    """The parts of their epochs at which the trials are compared; empty: all train to the end."""
    refused: Mapping[str, str] = {}
    """By name, why a trial could not begin."""


@dataclass(frozen=True)
class SweepFolder:
    """A sweep and its folder."""

    path: Path
    contents: Contents

    @property
    def name(self) -> str:
        """That of its folder."""
        return self.path.name

    @property
    def trials(self) -> tuple[Trial, ...]:
        """Its runs, in the order in which they are trained."""
        return self.contents.trials

    @property
    def page(self) -> Path:
        """Its HTML report."""
        return self.path / "report.html"

    @property
    def running(self) -> RunFolder | None:
        """The run that trains now; None if no process trains the sweep."""
        runs = map(self.run, self.trials)
        return next((run for run in runs if run.path.is_dir() and is_held(run)), None)

    def run(self, trial: Trial) -> RunFolder:
        """The run folder of a trial; it need not exist."""
        return RunFolder(shown((self.path.parent / trial.name).resolve()))

    def job_file(self, trial: Trial) -> JobFile:
        """The job file of a trial, with the sweep's own copy of the code.

        Raises:
            JobFileError: an override does not fit; it is named by its option.
        """
        contents = self.contents
        file = read_trial_job(contents, trial.overrides)
        if not trial.code_sha256:
            return file
        return replace(file, code=copy_folder(RunFolder(self.path), trial.code_sha256).resolve())

    def job_file_of(self, name: str | None) -> str | None:
        """The resolved job file of a trial that has begun, as a path; None where none is named."""
        named = [trial for trial in self.trials if trial.name == name]
        return str(self.run(named[0]).job) if named else None

    def refusing(self, trial: Trial, why: str) -> "SweepFolder":
        """Write down that a trial could not begin.

        Raises:
            RunError: it cannot be written.
        """
        refused = {**self.contents.refused, trial.name: why}
        contents = self.contents.model_copy(update={"refused": refused})
        write_contents(self.path, contents)
        return SweepFolder(self.path, contents)

    def remove(self) -> None:
        """Remove the folder of a sweep none of whose trials has begun."""
        shutil.rmtree(self.path, ignore_errors=True)


def is_sweep(path: Path) -> bool:
    """Whether a folder is that of a sweep."""
    return (path / FILE).is_file()


def read_sweep(path: Path) -> SweepFolder:
    """Read the sweep in a folder.

    Raises:
        RunError: its record is missing or damaged.
    """
    file = path / FILE
    try:
        return SweepFolder(path, Contents.model_validate(read_object(file)))
    except ValidationError as error:
        raise RunError(f"{file}: damaged at {first_damage(error)}") from None


def write_contents(path: Path, contents: Contents) -> None:
    """Write the record of the sweep in a folder.

    Raises:
        RunError: it cannot be written.
    """
    write_json(path / FILE, contents.model_dump(mode="json"))


def read_trial_job(contents: Contents, overrides: Sequence[str]) -> JobFile:
    """Read the job file of the sweep with what a trial changes.

    Raises:
        JobFileError: an override does not fit; it is named by its option.
    """
    try:
        return read_job_text(
            contents.job,
            path=Path(contents.job_file),
            overrides=(*contents.sets, *overrides),
            folder=Path(contents.job_folder),
        )
    except JobFileError as error:
        raise JobFileError(naming_sweep(str(error), overrides)) from None
