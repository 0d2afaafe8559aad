"""Train a run in its folder, and write its result."""

import logging
import os
import time
from collections.abc import Callable
from contextlib import closing
from typing import Any

from distnet.launch.attempts import Attempts
from distnet.launch.inline import InlineLauncher
from distnet.launch.launcher import Launcher
from distnet.launch.placement import Placement
from distnet.launch.sizing import WorkerRange
from distnet.run_folder.assignment import Assignment
from distnet.run_folder.paths import shown
from distnet.run_folder.records.follow import following
from distnet.run_folder.records.recorder import Emit, Record
from distnet.run_folder.records.trackers import tracked_links
from distnet.run_folder.requests import planned_stop
from distnet.run_folder.write import write_json
from distnet.spec.variables import values_of
from distnet.tracking.beside import tracked
from distnet.train.device.portable import environment_of

logger = logging.getLogger(__name__)


def train(
    assignment: Assignment,
    limits: WorkerRange,
    *,
    address: str | None,
    placement: Placement | None,
    listener: Emit | None,
) -> dict[str, Any]:
    """Train to the end, write `result.json` and return its content.

    The first Ctrl-C or SIGTERM requests a planned stop, the second ends everything at once.

    Raises:
        DistnetError: the user can fix it, or training itself failed; the records say why.
    """
    folder, is_inline = assignment.folder, assignment.launch == "inline"
    with (
        tracked(folder, assignment.job.tracked_elsewhere, _say(listener)),
        planned_stop(folder),
        following(folder.metrics, None if is_inline else listener),
        closing(_launcher(assignment, address, placement, listener)) as launcher,
    ):
        emit = listener if is_inline and listener is not None else _ignore
        attempts = Attempts(assignment, launcher, limits, emit)
        outcome = attempts.run()
    seconds = time.time() - assignment.process_started
    result = _result(attempts.assignment, outcome, attempts.workers, seconds)
    if links := tracked_links(folder):
        result["tracked"] = links
    write_json(folder.result, result)
    return result


def _launcher(
    assignment: Assignment, address: str | None, placement: Placement | None, listener: Emit | None
) -> Launcher:
    job = assignment.job
    if assignment.launch == "inline":
        return InlineLauncher(gpus=job.resources.gpus, listener=listener)
    # Importing Ray takes seconds, and inline training does not need it.
    from distnet.launch.ray.launcher import RayLauncher

    return RayLauncher(
        most=job.num_slices,
        cpus=job.num_cpus,
        gpus=job.resources.gpus,
        selector=job.resources.selector,
        address=address,
        placement=placement,
        variables=environment_of(job) | values_of(job.env, os.environ),
    )


def _result(
    assignment: Assignment, outcome: dict[str, Any], workers: int, seconds: float
) -> dict[str, Any]:
    path = shown(assignment.folder.path)
    head = {"run": path.name, "folder": str(path), "status": outcome["status"], "workers": workers}
    return {**head, **outcome, "attempts": assignment.attempt, "seconds": seconds}


def _say(listener: Emit | None) -> Callable[[str], None]:
    """What trackers say to the user: beside the progress, or in the log."""
    if listener is None:
        return logger.warning
    return lambda text: listener({"kind": "note", "text": text})


def _ignore(_: Record) -> None:
    """The records are followed in their file."""
