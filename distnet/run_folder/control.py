"""Stop or resize a run that another process trains.

The request is a file in the run folder. The process that trains does not reply: whether it has
complied is seen from the run's lock and its records.
"""

import time
from collections.abc import Callable

from distnet.errors import RunError
from distnet.run_folder.lock import is_held
from distnet.run_folder.paths import RunFolder
from distnet.run_folder.read import read_plan
from distnet.run_folder.records.log import RunLog
from distnet.run_folder.requests import request_stop, request_workers
from distnet.spec.plural import counted
from distnet.spec.printable import argument

POLL_S = 0.2


def stop(folder: RunFolder, *, wait_s: float | None) -> dict[str, object]:
    """Have a run finish its step, save a checkpoint and end.

    Args:
        folder: the run's.
        wait_s: how long to wait for the end; None does not wait.

    Returns:
        `status`, `step` and `run`; the status is `asked` if this did not wait.

    Raises:
        RunError: no process trains it, or it did not end in time.
    """
    _require_running(folder)
    request_stop(folder)
    if wait_s is None:
        return {"run": folder.name, "status": "asked", "step": None}
    _wait(lambda: not is_held(folder), wait_s, f"{folder.path}: the run has not stopped")
    log = RunLog(folder)
    end = log.end if log.has_ended(log.num_attempts) else {"status": "interrupted"}
    return {"run": folder.name, "status": end.get("status", "failed"), "step": end.get("step")}


def resize(folder: RunFolder, workers: int, *, wait_s: float | None) -> dict[str, object]:
    """Have a run continue with another number of workers, after a step and its checkpoint.

    Args:
        folder: the run's.
        workers: how many; at most the job's slices.
        wait_s: how long to wait until it trains with them; None does not wait.

    Returns:
        `run`, `workers` and the `step` from which they train; null if this did not wait.

    Raises:
        RunError: no process trains it on Ray, it cannot have that many, or not in time.
    """
    _require_running(folder)
    slices = read_plan(folder).slices
    if workers > slices:
        raise RunError(
            f"{folder.path}: found {workers} workers, expected at most {slices}: its batches are "
            f"cut into {counted(slices, 'slice')}, and every worker needs one"
        )
    log = RunLog(folder)
    newest = log.attempt
    if newest.get("launch") == "inline":
        raise RunError(
            f"{folder.path}: this run trains inline, in one process, so it cannot be resized; stop "
            "it and resume it without --inline"
        )
    if newest.get("workers") == workers:
        return {"run": folder.name, "workers": workers, "step": newest.get("step")}
    request_workers(folder, workers)
    if wait_s is None:
        return {"run": folder.name, "workers": workers, "step": None}

    def has_changed() -> bool:
        if not is_held(folder):
            raise RunError(f"{folder.path}: the run ended before its workers were changed")
        return log.num_attempts > int(newest.get("attempt", 0))

    _wait(
        has_changed,
        wait_s,
        f"{folder.path}: the run does not have {counted(workers, 'worker')} yet",
    )
    now = log.attempt
    return {"run": folder.name, "workers": now.get("workers"), "step": now.get("step")}


def _require_running(folder: RunFolder) -> None:
    if is_held(folder):
        return
    if RunLog(folder).end.get("status") == "finished":
        raise RunError(
            f"{folder.path}: this run is finished; view it with: distnet show {folder.path}"
        )
    raise RunError(
        f"{folder.path}: no process trains this run; "
        f"resume it with: distnet run --resume {argument(folder.path)}"
    )


def _wait(is_done: Callable[[], bool], wait_s: float, what: str) -> None:
    end = time.monotonic() + wait_s
    while not is_done():
        if time.monotonic() > end:
            raise RunError(
                f"{what} after {wait_s:g} s; the request stands, follow it with: distnet show"
            )
        time.sleep(POLL_S)
