"""What a folder of runs holds: runs, and sweeps with all of their trials; what of it is removed.

A sweep is one thing: its table needs all of its trials.
"""

import shutil
from collections.abc import Iterable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

from distnet.errors import RunError
from distnet.report.find import began, find_run, list_runs
from distnet.report.run import read_run
from distnet.report.summary import folder_size
from distnet.run_folder.lock import held, is_held
from distnet.run_folder.paths import RunFolder, shown
from distnet.sweeps.find import find_sweep, holds_sweep
from distnet.sweeps.record import SweepFolder, read_sweep

REMOVED = ".removed"
"""In the folder of runs: what is being removed. What is in it is no run any more."""


@dataclass(frozen=True)
class Stored:
    """A run, or a sweep with its trials."""

    path: Path
    """The folder that gives it its name."""
    runs: tuple[RunFolder, ...]
    """The run itself, or the trials of a sweep that have begun."""

    @property
    def name(self) -> str:
        """That of its folder."""
        return self.path.resolve().name

    @property
    def folders(self) -> tuple[Path, ...]:
        """All of its folders, each once."""
        return tuple(dict.fromkeys((self.path, *(run.path for run in self.runs))))

    @property
    def began(self) -> float:
        """When it, or its newest trial, began; in seconds since 1970."""
        return max(began(path)[0] for path in self.folders)

    @property
    def num_bytes(self) -> int:
        """The size of its files."""
        return sum(map(folder_size, self.folders))

    @property
    def outside(self) -> list[str]:
        """Where checkpoints of it are that are not in its folders, and stay there."""
        return [where for run in self.runs if (where := _outside(run)) is not None]

    @property
    def is_running(self) -> bool:
        """Whether a process trains it."""
        return any(map(is_held, self.runs))


def find_stored(reference: str, runs: Path) -> Stored:
    """Find a run or a sweep by its name under `runs`, by its path, or the newest run as `latest`.

    Raises:
        RunError: there is none.
    """
    if holds_sweep(reference, runs):
        return _of_sweep(find_sweep(reference, runs))
    run = find_run(reference, runs)
    return Stored(run.path, (run,))


def list_stored(runs: Path) -> list[Stored]:
    """List all runs and sweeps under `runs`, the newest first.

    Raises:
        RunError: the folder cannot be read, or the record of a sweep is damaged.
    """
    records = sorted(runs.glob("*/sweep.json"))
    sweeps = [_of_sweep(read_sweep(record.parent)) for record in records]
    trials = {path.resolve() for sweep in sweeps for path in sweep.folders}
    alone = [run for run in list_runs(runs) if run.path.resolve() not in trials]
    found = [*sweeps, *(Stored(run.path, (run,)) for run in alone)]
    return sorted(found, key=lambda one: (one.began, one.name), reverse=True)


def superfluous(
    stored: Sequence[Stored], *, keep: int | None, before: float | None
) -> list[Stored]:
    """Choose what need not be kept.

    Args:
        stored: the newest first.
        keep: as many of the newest stay; None: none stays for this reason.
        before: only what began before this time goes, in seconds since 1970; None: whenever.
    """
    older = stored[keep or 0 :]
    return [one for one in older if before is None or one.began < before]


def remove(stored: Stored) -> None:
    """Remove a run or a sweep, whole or not at all; what a Ctrl-C leaves, the next call removes.

    Raises:
        RunInUseError: a process trains it.
        RunError: it cannot be removed.
    """
    bins = {path: path.resolve().parent / REMOVED for path in stored.folders}
    try:
        with ExitStack() as locks:
            for run in stored.runs:
                locks.enter_context(held(run))
            for path, taken in bins.items():
                taken.mkdir(exist_ok=True)
                path.resolve().rename(_free(taken, path.resolve().name))
        for taken in set(bins.values()):
            shutil.rmtree(taken)
    except OSError as error:
        raise RunError(f"{stored.path}: cannot be removed: {error.strerror or error}") from None


def _of_sweep(sweep: SweepFolder) -> Stored:
    runs = map(sweep.run, sweep.trials)
    return Stored(shown(sweep.path.resolve()), tuple(_existing(runs)))


def _outside(run: RunFolder) -> str | None:
    try:
        return read_run(run).outside
    except RunError:  # a damaged run is removed all the same
        return None


def _existing(runs: Iterable[RunFolder]) -> Iterable[RunFolder]:
    return (run for run in runs if run.path.is_dir())


def _free(folder: Path, name: str) -> Path:
    """A name that nothing in the folder has: an interrupted call may have left one."""
    number = 0
    while (folder / f"{name}.{number}").exists():
        number += 1
    return folder / f"{name}.{number}"
