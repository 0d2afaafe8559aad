"""Find a sweep here, by its name or its folder."""

import difflib
from pathlib import Path

from distnet.errors import RunError
from distnet.spec.printable import argument
from distnet.sweeps.record import SweepFolder, is_sweep, read_sweep


def find_sweep(reference: str, runs: Path) -> SweepFolder:
    """Find a sweep by its name under `runs`, or by its path.

    Raises:
        RunError: there is none, or its record is damaged.
    """
    for path in (runs / reference, Path(reference)):
        if reference and is_sweep(path):
            return read_sweep(path)
    raise RunError(_not_found(reference, runs))


def holds_sweep(reference: str, runs: Path) -> bool:
    """Whether this is the name or the folder of a sweep."""
    return bool(reference) and any(is_sweep(path) for path in (runs / reference, Path(reference)))


def _not_found(reference: str, runs: Path) -> str:
    names = sorted(path.parent.name for path in runs.glob("*/sweep.json"))
    near = difflib.get_close_matches(reference, names, n=3, cutoff=0.5)
    if near:
        return f"{reference}: no such sweep under {runs}; did you mean {' or '.join(near)}?"
    if names:
        return f"{reference}: no such sweep; {runs} has: {', '.join(names[-5:])}"
    start = "distnet run JOB --sweep optimizer.learning_rate=0.1,0.01"
    return f"{reference}: no such sweep; {argument(runs)} has none yet. Start one with: {start}"
