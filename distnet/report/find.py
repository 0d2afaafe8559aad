"""Find runs: by name under the folder of runs, by path, or the newest one."""

import difflib
import os
from pathlib import Path

from distnet.errors import RunError
from distnet.report.run import is_run
from distnet.run_folder.paths import RunFolder
from distnet.run_folder.records.history import started_at
from distnet.spec.printable import argument

LATEST = "latest"


def find_run(reference: str, runs: Path) -> RunFolder:
    """Find a run by its name under `runs`, by its path, or as `latest`.

    Raises:
        RunError: there is no such run; the message suggests similar names.
    """
    if reference == LATEST:
        return _latest(runs)
    if reference:
        for path in (runs / reference, Path(reference)):
            if is_run(path):
                return RunFolder(path)
    raise RunError(_not_found(reference, runs))


def list_runs(runs: Path) -> list[RunFolder]:
    """List the runs under `runs`, newest first; none where the folder is missing.

    Raises:
        RunError: the folder cannot be read.
    """
    try:
        folders = [path for path in runs.iterdir() if is_run(path)]
    except FileNotFoundError:
        return []
    except OSError as error:
        raise RunError(f"{runs}: cannot read the folder of runs: {error.strerror}") from None
    return [RunFolder(path) for path in sorted(folders, key=began, reverse=True)]


def _latest(runs: Path) -> RunFolder:
    found = list_runs(runs)
    if not found:
        raise RunError(_not_found(LATEST, runs))
    return found[0]


def began(path: Path) -> tuple[float, str]:
    """When the run in a folder began, in seconds since 1970; and its name."""
    return started_at(RunFolder(path).metrics) or path.stat().st_mtime, path.name


def _not_found(reference: str, runs: Path) -> str:
    parent, name = os.path.split(reference)
    if parent and Path(reference).is_dir():
        return f"{reference}: not a run folder: job.yaml and metrics.jsonl are missing"
    names = [run.name for run in list_runs(Path(parent) if parent else runs)]
    if not parent and not names:
        return f"{reference}: no such run; {runs} has no runs yet. Start one with: distnet run JOB"
    near = difflib.get_close_matches(name, [*names, LATEST], n=3, cutoff=0.5)
    near = near or [other for other in names if name and name in other][:3]
    if near:
        return f"{reference}: no such run under {parent or runs}; did you mean {' or '.join(near)}?"
    return f"{reference}: no such run; list the runs with: distnet runs --runs {argument(runs)}"
