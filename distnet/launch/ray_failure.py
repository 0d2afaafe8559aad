"""From what Ray raises to what a person can act upon."""

import re
from collections.abc import Mapping
from pathlib import Path

from ray.exceptions import OutOfMemoryError, RayActorError, RayTaskError
from ray.train import ControllerError, WorkerGroupError
from ray.train.v2._internal.exceptions import (
    WorkerGroupStartupFailedError,
    WorkerGroupStartupTimeoutError,
    WorkerHealthCheckFailedError,
)

from distnet.errors import (
    DistnetError,
    NotEnoughResourcesError,
    TrainingError,
    WorkerFailedError,
)
from distnet.spec.run_folder import RunFolder

LOG_LINES = 10


def as_distnet_error(error: BaseException, folder: RunFolder) -> DistnetError:
    """Find what went wrong first, as the error that the user should see.

    Args:
        error: what `TorchTrainer.fit` raised.
        folder: the run's folder, for the logs of its workers.
    """
    if isinstance(error, RayTaskError):  # its class is made of its own and its cause's
        error = error.cause
    match error:
        case WorkerGroupError():
            return _first_cause(error.worker_failures, folder)
        case ControllerError():
            return as_distnet_error(error.controller_failure, folder)
        case DistnetError():
            return error
        case WorkerGroupStartupTimeoutError():
            return NotEnoughResourcesError(
                f"the {error.num_workers} workers could not start: others use the Ray cluster; "
                "wait for them, or ask for fewer workers (see: ray status)"
            )
        case RayActorError() | WorkerGroupStartupFailedError() | ModuleNotFoundError():
            return _did_not_start(str(error))
        case _:
            return TrainingError(f"Ray Train failed: {_short(error)}")


def _first_cause(failures: Mapping[int, Exception], folder: RunFolder) -> DistnetError:
    """Of the workers that failed, the one because of which the others did."""
    told, died, lost = [], [], []
    for rank, failure in sorted(failures.items()):
        error = _of_worker(rank, failure, folder)
        if type(error) is not WorkerFailedError:
            told.append(error)
        elif error is failure:  # it said itself that it lost another
            lost.append(error)
        else:
            died.append(error)
    return [*told, *died, *lost][0]


def _of_worker(rank: int, failure: Exception, folder: RunFolder) -> DistnetError:
    if isinstance(failure, DistnetError):
        return failure
    log = folder.worker_log(rank)
    if isinstance(failure, WorkerHealthCheckFailedError):
        cause = failure.health_check_failure
        if isinstance(cause, RayActorError | OutOfMemoryError):
            return WorkerFailedError(_death(f"worker {rank}", str(cause)) + _last_lines(log))
    return TrainingError(f"worker {rank} failed: {_short(failure)}; its log is {log}")


def _did_not_start(text: str) -> DistnetError:
    module = _found(r"No module named '([\w.]+)'", text)
    if module:
        return NotEnoughResourcesError(
            f"a node of the Ray cluster has no Python module {module}: "
            "install the same distnet, and what your own files import, on all nodes"
        )
    return WorkerFailedError(_death("a worker or Ray Train's controller", text))


def _death(who: str, text: str) -> str:
    """Where it died, and why as far as Ray knows."""
    node, process = _found(r"\bip: (\S+)", text), _found(r"\bpid: (\d+)", text)
    where = f" on node {node} (process {process})" if node and process else ""
    if "running low on memory" in text:
        return f"{who}{where} was killed by Ray: the machine had no memory left"
    return f"{who}{where} was killed; most often because the machine had no memory left"


def _last_lines(log: Path) -> str:
    if not log.is_file():
        return f"; there is no log {log}"
    lines = log.read_text(errors="replace").splitlines()[-LOG_LINES:]
    return f"; the last lines of {log}:\n" + "\n".join(f"    {line}" for line in lines)


def _found(pattern: str, text: str) -> str | None:
    match = re.search(pattern, text)
    return match and match[1]


def _short(error: BaseException) -> str:
    lines = [line for line in str(error).splitlines() if line.strip()]
    return f"{type(error).__name__}: {lines[0] if lines else 'no message'}"
