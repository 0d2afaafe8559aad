"""Make a sweep here: read the job files of all trials, and write down what belongs to it."""

import re
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from distnet.errors import JobFileError, RunError
from distnet.run_folder.code import keep_code
from distnet.run_folder.create import claim_folder
from distnet.run_folder.paths import RunFolder
from distnet.spec.code.collect import own_code
from distnet.spec.halving import epochs_of, rungs_of
from distnet.spec.read import JobFile
from distnet.spec.reading.file import read_text
from distnet.spec.sections.section import NAME
from distnet.spec.sweep import expand
from distnet.sweeps.record import Contents, SweepFolder, Trial, read_trial_job, write_contents


def make_sweep(
    job: Path,
    settings: Sequence[str],
    runs: Path,
    name: str | None,
    *,
    stop_early: bool = False,
    **options: Any,
) -> SweepFolder:
    """Read the job file of every trial, and make the folder of their sweep.

    Args:
        job: the job file.
        settings: `KEY=1..10` or `KEY=a,b,c`, each.
        runs: the folder of run folders.
        name: of the sweep; by default the job's name, `sweep` and a number.
        stop_early: whether trials that are worse than others are not trained to the end.
        options: `sets`, `workers`, `inline` and `start_from`, as in `Contents`.

    Raises:
        JobFileError: a setting cannot be read, or the job file of a trial has faults.
        RunError: a name is taken, or the folder cannot be written.
    """
    text = read_text(job, what="job file", remedy="make one with: distnet init DATA")
    contents = Contents(
        job_file=str(job), job_folder=str(job.parent.resolve()), job=text, trials=(), **options
    )
    combinations = expand(settings)
    files = _read_all(contents, combinations)
    path = _claim(runs, f"{files[0].job.name}-sweep", name)
    try:
        codes = [own_code(file) for file in files]
        for code in {code.sha256: code for code in codes}.values():
            keep_code(RunFolder(path), code)
        trials = tuple(
            Trial(name=f"{path.name}-{number}", overrides=overrides, code_sha256=code.sha256)
            for number, (overrides, code) in enumerate(zip(combinations, codes, strict=True), 1)
        )
        _require_free(runs, trials)
        rungs = rungs_of([epochs_of(file.job.train) for file in files]) if stop_early else ()
        contents = contents.model_copy(update={"trials": trials, "rungs": rungs})
        write_contents(path, contents)
    except BaseException:
        shutil.rmtree(path, ignore_errors=True)
        raise
    return SweepFolder(path, contents)


def _read_all(contents: Contents, combinations: Sequence[Sequence[str]]) -> list[JobFile]:
    """The job file of each trial; the faults of all of them are listed, each once."""
    files, faults = [], dict[str, None]()
    for overrides in combinations:
        try:
            files.append(read_trial_job(contents, overrides))
        except JobFileError as error:
            faults |= dict.fromkeys(str(error).splitlines())
    if faults:
        raise JobFileError("\n".join(faults))
    return files


def _claim(runs: Path, base: str, name: str | None) -> Path:
    try:
        runs.mkdir(parents=True, exist_ok=True)
        return claim_folder(runs, base, name)
    except OSError as error:
        raise RunError(f"{runs}: a folder cannot be made there: {error.strerror}") from None


def _require_free(runs: Path, trials: Sequence[Trial]) -> None:
    for trial in trials:
        if not re.fullmatch(NAME, trial.name):
            raise RunError(f"{trial.name}: the name of a trial is too long; give a shorter --name")
        if (runs / trial.name).exists():
            raise RunError(
                f"{runs / trial.name}: the name of a trial is taken; choose another --name"
            )
