"""Turn what Ray raises into errors that a user can act on."""

import re
from collections.abc import Mapping
from pathlib import Path

from ray import exceptions
from ray.exceptions import RayActorError, RayError, RayTaskError
from ray.train import ControllerError, WorkerGroupError
from ray.train.v2._internal.exceptions import (
    WorkerGroupStartupFailedError,
    WorkerGroupStartupTimeoutError,
    WorkerHealthCheckFailedError,
)

from distnet.errors import (
    DeviceError,
    DistnetError,
    NotEnoughResourcesError,
    OutOfMemoryError,
    ResourcesBusyError,
    TrainingError,
    WorkerFailedError,
)
from distnet.run_folder.paths import RunFolder
from distnet.spec.plural import counted
from distnet.train.device.faults import Fault, classify_text

LOG_LINES = 10


def as_distnet_error(error: BaseException, folder: RunFolder) -> DistnetError:
    """Find the first cause, as the error that the user should see.

    Args:
        error: what `TorchTrainer.fit` raised.
        folder: the run's folder, for the logs of its workers.
    """
    if isinstance(error, RayTaskError):  # its class is made of its own and its cause's
        error = error.cause
    if isinstance(error, ControllerError):
        return as_distnet_error(error.controller_failure, folder)
    if isinstance(error, WorkerGroupError):
        return _first_cause(error.worker_failures, folder)
    return error if isinstance(error, DistnetError) else _of_ray(error)


def _of_ray(error: BaseException) -> DistnetError:
    match error:
        case WorkerGroupStartupTimeoutError():
            return ResourcesBusyError(
                f"{counted(error.num_workers, 'worker')} could not start: others use the Ray "
                "cluster; wait for them, or use fewer workers (see: ray status)"
            )
        case RayActorError() | WorkerGroupStartupFailedError() | ModuleNotFoundError():
            return _did_not_start(str(error))
        case RayError() | ConnectionError():
            return WorkerFailedError(f"Ray itself failed: {_short(error)}")
        case _:
            return TrainingError(f"Ray Train failed: {_short(error)}")


def _first_cause(failures: Mapping[int, Exception], folder: RunFolder) -> DistnetError:
    """Of the workers that failed, the one that made the others fail."""
    reported, died, lost = [], [], []
    for rank, failure in sorted(failures.items()):
        error = _of_worker(rank, failure, folder)
        if type(error) is not WorkerFailedError:  # an OutOfMemoryError says more, too
            reported.append(error)
        elif error is failure or _fault_of(folder, rank) is Fault.COMMUNICATION:
            lost.append(error)  # it reported that it lost another
        else:
            died.append(error)
    return [*reported, *died, *lost][0]


def _of_worker(rank: int, failure: Exception, folder: RunFolder) -> DistnetError:
    if isinstance(failure, DistnetError):
        return failure
    who, log = f"worker {rank}", folder.worker_log(rank)
    if isinstance(failure, WorkerHealthCheckFailedError):
        cause = failure.health_check_failure
        if isinstance(cause, RayActorError | exceptions.OutOfMemoryError):
            return _death(who, str(cause), _last_lines(log), _fault_of(folder, rank))
    return TrainingError(f"{who} failed: {_short(failure)}; its log is {log}")


def _fault_of(folder: RunFolder, rank: int) -> Fault | None:
    """What the worker printed last in this attempt, as a library does that ends its process."""
    try:
        text = folder.worker_log(rank).read_text(errors="replace")
    except OSError:
        return None
    return classify_text(
        "\n".join(text.rpartition(f"worker {rank} of ")[2].splitlines()[-LOG_LINES:])
    )


def _did_not_start(text: str) -> DistnetError:
    module = _found(r"No module named '([\w.]+)'", text)
    if module:
        return NotEnoughResourcesError(
            f"a node of the Ray cluster has no Python module {module}: "
            "install the same distnet, and what your own files import, on all nodes"
        )
    return _death("a worker or Ray Train's controller", text)


def _death(who: str, text: str, log: str = "", fault: Fault | None = None) -> DistnetError:
    """Say where it died, and why as far as Ray or its log know."""
    node, process = _found(r"\bip: (\S+)", text), _found(r"\bpid: (\d+)", text)
    where = f" on node {node} (process {process})" if node and process else ""
    if "running low on memory" in text:
        return OutOfMemoryError(
            f"{who}{where} was killed by Ray: the machine was out of memory; use fewer workers, "
            f"or a smaller train.batch_size or data.memory{log}"
        )
    if fault is Fault.DEVICE:
        return DeviceError(f"{who}{where} was ended because its GPU failed{log}")
    if fault is Fault.COMMUNICATION:
        return WorkerFailedError(f"{who}{where} lost the other workers and was ended{log}")
    return WorkerFailedError(
        f"{who}{where} was killed; most often the machine was out of memory{log}"
    )


def _last_lines(log: Path) -> str:
    if not log.is_file():
        return ""
    lines = log.read_text("utf-8", "replace").splitlines()[-LOG_LINES:]
    return f"\nthe last lines of {log}:\n" + "\n".join(f"    {line}" for line in lines)


def _found(pattern: str, text: str) -> str | None:
    match = re.search(pattern, text)
    return match and match[1]


def _short(error: BaseException) -> str:
    lines = [line for line in str(error).splitlines() if line.strip()]
    return f"{type(error).__name__}: {lines[0] if lines else 'no message'}"
