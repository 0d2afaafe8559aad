"""Steer a run that another process trains, through files in its folder.

A planned stop and a resize are asked for by a file. The process that trains answers by what it
does, which is followed here in the run's lock and its records.
"""

import time
from collections.abc import Callable

from distnet.errors import RunError
from distnet.run_folder.lock import is_held
from distnet.run_folder.log import RunLog
from distnet.run_folder.paths import RunFolder
from distnet.run_folder.read import read_object
from distnet.run_folder.stop import ask_to_stop
from distnet.run_folder.write import write_whole

LOOKED_AT_EVERY_S = 0.2


def stop(folder: RunFolder, *, wait_s: float | None) -> dict[str, object]:
    """Have a run finish its step, save and end.

    Args:
        folder: the run's.
        wait_s: for how long to wait for the end; None does not wait.

    Returns:
        `status`, `step` and `run`; the status is `asked` where nobody waited.

    Raises:
        RunError: nobody trains it, or it did not end in time.
    """
    _require_on(folder)
    ask_to_stop(folder)
    if wait_s is None:
        return {"run": folder.name, "status": "asked", "step": None}
    _wait(lambda: not is_held(folder), wait_s, f"{folder.path}: the run has not stopped")
    log = RunLog(folder)
    end = log.end if log.has_ended(log.num_attempts) else {"status": "interrupted"}
    return {"run": folder.name, "status": end.get("status", "failed"), "step": end.get("step")}


def resize(folder: RunFolder, workers: int, *, wait_s: float | None) -> dict[str, object]:
    """Have a run go on with another number of workers, after a step and its checkpoint.

    Args:
        folder: the run's.
        workers: how many; at most the job's slices.
        wait_s: for how long to wait until it trains with them; None does not wait.

    Returns:
        `run`, `workers` and the `step` at which they took over; null where nobody waited.

    Raises:
        RunError: nobody trains it on Ray, or it cannot have so many, or not in time.
    """
    _require_on(folder)
    plan = read_object(folder.plan)
    slices = int(plan.get("slices", 0))
    if workers > slices:
        raise RunError(
            f"{folder.path}: {workers} workers asked for, but a batch is cut into {slices} slices "
            f"and a worker needs one; ask for at most {slices}"
        )
    log = RunLog(folder)
    newest = log.attempt
    if newest.get("launch") == "inline":
        raise RunError(f"{folder.path}: this run trains inline, in one process; it has no workers")
    if newest.get("workers") == workers:
        return {"run": folder.name, "workers": workers, "step": newest.get("step")}
    write_whole(folder.resize, f"{workers}\n".encode())
    if wait_s is None:
        return {"run": folder.name, "workers": workers, "step": None}

    def has_changed() -> bool:
        if not is_held(folder):
            raise RunError(f"{folder.path}: the run ended before it changed its workers")
        return log.num_attempts > int(newest.get("attempt", 0))

    _wait(has_changed, wait_s, f"{folder.path}: the run does not have {workers} workers yet")
    now = log.attempt
    return {"run": folder.name, "workers": now.get("workers"), "step": now.get("step")}


def _require_on(folder: RunFolder) -> None:
    if is_held(folder):
        return
    if RunLog(folder).end.get("status") == "finished":
        raise RunError(f"{folder.path}: this run is finished; look at it: distnet show")
    raise RunError(
        f"{folder.path}: nobody trains this run at the moment; "
        f"go on with it: distnet run --resume {folder.path}"
    )


def _wait(is_done: Callable[[], bool], wait_s: float, what: str) -> None:
    end = time.monotonic() + wait_s
    while not is_done():
        if time.monotonic() > end:
            raise RunError(f"{what} within {wait_s:g} s; it was asked to, look with: distnet show")
        time.sleep(LOOKED_AT_EVERY_S)
