"""One attempt at a run: launched, and what came of it written down."""

import json
import os
import time
from pathlib import Path
from typing import Any

from distnet.errors import DistnetError
from distnet.launch.folder import write_json
from distnet.launch.inline import train_inline
from distnet.launch.tail import following
from distnet.spec.run_folder import RunFolder
from distnet.train.assignment import Assignment
from distnet.train.record import Tell, append_lines


def make_attempt(
    assignment: Assignment, *, workers: int, address: str | None, listener: Tell | None
) -> dict[str, Any]:
    """Train, and write `result.json`; returns what stands in it.

    Raises:
        DistnetError: whatever the user can mend, or training itself failed; the records say why.
    """
    folder, began = assignment.folder, time.time()
    try:
        outcome = _launch(assignment, workers, address, listener)
    except DistnetError as error:
        _tell_failure(assignment, str(error), time.time() - began)
        raise
    except BaseException as error:
        _tell_failure(assignment, f"interrupted ({type(error).__name__})", time.time() - began)
        raise
    folder.stop.unlink(missing_ok=True)
    result = _result(assignment, outcome, workers, time.time() - assignment.process_started)
    write_json(folder.result, result)
    return result


def count_attempts(folder: RunFolder) -> int:
    """How often the run was launched."""
    if not folder.metrics.is_file():
        return 0
    with folder.metrics.open(errors="replace") as file:
        return sum('"kind": "attempt"' in line for line in file)


def shown(path: Path) -> Path:
    """The path as short as it can be told from here."""
    try:
        return path.relative_to(os.getcwd())
    except ValueError:
        return path


def _launch(
    assignment: Assignment, workers: int, address: str | None, listener: Tell | None
) -> dict[str, Any]:
    job = assignment.job
    if assignment.launch == "inline":
        return train_inline(assignment, gpus=job.resources.gpus, listener=listener)
    from distnet.launch.ray_train import train_on_ray  # Ray takes seconds to import

    with following(assignment.folder.metrics, listener):
        return train_on_ray(
            assignment,
            workers=workers,
            cpus=job.num_cpus,
            gpus=job.resources.gpus,
            address=address,
        )


def _result(
    assignment: Assignment, outcome: dict[str, Any], workers: int, seconds: float
) -> dict[str, Any]:
    path = shown(assignment.folder.path)
    head = {"run": path.name, "folder": str(path), "status": outcome["status"], "workers": workers}
    return {**head, **outcome, "attempts": assignment.attempt, "seconds": seconds}


def _tell_failure(assignment: Assignment, error: str, seconds: float) -> None:
    """Leave the reason in the records; a folder that is full or gone may be the reason itself."""
    record = {"kind": "end", "attempt": assignment.attempt, "status": "failed", "step": None}
    line = json.dumps(record | {"seconds": seconds, "error": error})
    try:
        with append_lines(assignment.folder.metrics) as file:
            file.write(line + "\n")
    except OSError:
        return
