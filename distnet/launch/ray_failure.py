"""From what Ray raises to what a person can act upon."""

import re
from collections.abc import Mapping
from pathlib import Path

from ray.exceptions import RayActorError, RayTaskError
from ray.train import ControllerError, WorkerGroupError
from ray.train.v2._internal.exceptions import (
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
    match error:
        case WorkerGroupError():
            return _first_cause(error.worker_failures, folder)
        case ControllerError():
            return as_distnet_error(error.controller_failure, folder)
        case DistnetError():  # raised in a task: Ray made one class of it and of its own
            return _plain(error)
        case RayTaskError():
            return _task_failed(error)
        case WorkerGroupStartupTimeoutError():
            return NotEnoughResourcesError(
                f"the {error.num_workers} workers could not start: the Ray cluster is in use by "
                "others; wait for them, or ask for fewer workers (see: ray status)"
            )
        case _ if isinstance(error.__cause__, RayActorError):
            return _died("a worker", error.__cause__)
        case RayActorError():
            return _died("Ray Train's controller", error)
        case _:
            return TrainingError(f"Ray Train failed: {_short(error)}")


def _first_cause(failures: Mapping[int, Exception], folder: RunFolder) -> DistnetError:
    """Of the workers that failed, the one because of which the others did."""
    errors = [_of_worker(rank, failures[rank], folder) for rank in sorted(failures)]
    told = [error for error in errors if type(error) is not WorkerFailedError]
    died = [
        error
        for error, rank in zip(errors, sorted(failures), strict=True)
        if isinstance(failures[rank], WorkerHealthCheckFailedError)
    ]
    return [*told, *died, *errors][0]


def _of_worker(rank: int, failure: Exception, folder: RunFolder) -> DistnetError:
    if isinstance(failure, DistnetError):
        return _plain(failure)
    log = folder.worker_log(rank)
    if isinstance(failure, WorkerHealthCheckFailedError):
        cause = failure.health_check_failure
        if isinstance(cause, RayActorError):
            return _died(f"worker {rank}", cause, log)
    return TrainingError(f"worker {rank} failed: {_short(failure)}; its log is {log}")


def _died(who: str, error: RayActorError, log: Path | None = None) -> WorkerFailedError:
    """Say where it died, why as far as Ray knows, and what it said last."""
    text = str(error)
    node = _found(r"\bip: (\S+)", text)
    process = _found(r"\bpid: (\d+)", text)
    where = f" on node {node}, process {process}," if node and process else ""
    reason = "was killed or ended by itself; often the machine had no memory left"
    if "memory" in text and "running low" in text:
        reason = "was killed by Ray because the machine had no memory left"
    return WorkerFailedError(f"{who}{where} {reason}{_last_lines(log)}")


def _task_failed(error: RayTaskError) -> DistnetError:
    cause = error.cause
    if isinstance(cause, DistnetError):
        return _plain(cause)
    if isinstance(cause, ModuleNotFoundError):
        return NotEnoughResourcesError(
            f"a node of the Ray cluster has no {cause.name}: install the same distnet on all nodes"
        )
    return TrainingError(f"a worker could not be prepared: {_short(cause)}")


def _last_lines(log: Path | None) -> str:
    if log is None or not log.is_file():
        return ""
    lines = log.read_text(errors="replace").splitlines()[-LOG_LINES:]
    return f"; the last lines of {log}:\n" + "\n".join(f"    {line}" for line in lines)


def _plain(error: DistnetError) -> DistnetError:
    """The error as its own class."""
    kind = next(
        k for k in type(error).__mro__ if issubclass(k, DistnetError) and not issubclass(k, RayTaskError)
    )
    cause = getattr(error, "cause", error)
    return kind(*cause.args)


def _found(pattern: str, text: str) -> str | None:
    match = re.search(pattern, text)
    return match and match[1]


def _short(error: BaseException) -> str:
    lines = [line for line in str(error).splitlines() if line.strip()]
    return f"{type(error).__name__}: {lines[0] if lines else 'no message'}"
