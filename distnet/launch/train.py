"""Train a run in its folder, and write down what came of it."""

import os
import time
from contextlib import closing
from pathlib import Path
from typing import Any

from distnet.launch.attempts import Attempts
from distnet.launch.folder import write_json
from distnet.launch.inline import InlineLauncher
from distnet.launch.launcher import Launcher
from distnet.launch.placement import Placement
from distnet.launch.sizing import Size
from distnet.run_folder.assignment import Assignment
from distnet.run_folder.follow import following
from distnet.run_folder.recorder import Record, Tell
from distnet.run_folder.stop import planned_stop


def train(
    assignment: Assignment,
    size: Size,
    *,
    address: str | None,
    placement: Placement | None,
    listener: Tell | None,
) -> dict[str, Any]:
    """Train to the end, and write `result.json`; returns what stands in it.

    The first Ctrl-C or SIGTERM asks for a planned stop, the second ends everything at once.

    Raises:
        DistnetError: whatever the user can mend, or training itself failed; the records say why.
    """
    folder, is_inline = assignment.folder, assignment.launch == "inline"
    with (
        planned_stop(folder),
        following(folder.metrics, None if is_inline else listener),
        closing(_launcher(assignment, address, placement, listener)) as launcher,
    ):
        tell = listener if is_inline and listener is not None else _ignore
        attempts = Attempts(assignment, launcher, size, tell)
        outcome = attempts.run()
    seconds = time.time() - assignment.process_started
    result = _result(attempts.assignment, outcome, attempts.workers, seconds)
    write_json(folder.result, result)
    return result


def shown(path: Path) -> Path:
    """The path as short as it can be told from here."""
    try:
        return path.relative_to(os.getcwd())
    except ValueError:
        return path


def _launcher(
    assignment: Assignment, address: str | None, placement: Placement | None, listener: Tell | None
) -> Launcher:
    job = assignment.job
    if assignment.launch == "inline":
        return InlineLauncher(gpus=job.resources.gpus, listener=listener)
    from distnet.launch.ray.launcher import RayLauncher  # Ray takes seconds to import

    return RayLauncher(
        most=job.num_slices,
        cpus=job.num_cpus,
        gpus=job.resources.gpus,
        address=address,
        placement=placement,
    )


def _result(
    assignment: Assignment, outcome: dict[str, Any], workers: int, seconds: float
) -> dict[str, Any]:
    path = shown(assignment.folder.path)
    head = {"run": path.name, "folder": str(path), "status": outcome["status"], "workers": workers}
    return {**head, **outcome, "attempts": assignment.attempt, "seconds": seconds}


def _ignore(_: Record) -> None:
    """The records are followed in their file."""
