"""What Ray reports of workers becomes the first cause, as far as their logs know it."""

from pathlib import Path

import pytest
from ray.exceptions import RayActorError
from ray.train import WorkerGroupError
from ray.train.v2._internal.exceptions import WorkerHealthCheckFailedError

from distnet.errors import DeviceError, DistnetError, OutOfMemoryError, WorkerFailedError
from distnet.launch.ray.failure import as_distnet_error
from distnet.run_folder.paths import RunFolder

LOST = "worker 0 lost the other workers: Connection closed by peer"
WATCHDOG = (
    "[rank0]:[E1129] [Rank 0] Watchdog caught collective operation timeout: WorkNCCL(SeqNum=5) "
    "ran for 600029 milliseconds before timing out.\nterminate called after throwing an instance "
    "of 'c10::DistBackendError'\n"
)
ECC = (
    "terminate called after throwing an instance of 'c10::AcceleratorError'\n"
    "  what():  CUDA error: uncorrectable ECC error encountered\n"
)


def died() -> Exception:
    return WorkerHealthCheckFailedError("gone", RayActorError(error_msg="The actor died. pid: 4"))


def first_cause(folder: Path, failures: dict[int, Exception], logs: dict[int, str]) -> DistnetError:
    run = RunFolder(folder)
    run.logs.mkdir()
    for rank, text in logs.items():
        run.worker_log(rank).write_text(text)
    return as_distnet_error(WorkerGroupError("workers failed", failures), run)


def start(rank: int) -> str:
    return f"worker {rank} of 2 on 10.0.0.{rank}, process 7\n"


def test_worker_that_a_watchdog_ended_is_not_the_cause(tmp_path: Path) -> None:
    failures = {0: died(), 1: died()}

    error = first_cause(tmp_path, failures, {0: start(0) + WATCHDOG, 1: start(1)})

    assert type(error) is WorkerFailedError
    assert str(error).startswith("worker 1 was killed")


def test_gpu_that_ended_its_worker_is_the_cause(tmp_path: Path) -> None:
    failures = {0: WorkerFailedError(LOST), 1: died()}

    error = first_cause(tmp_path, failures, {1: start(1) + ECC})

    assert isinstance(error, DeviceError)
    assert error.failure == "lost_worker"
    assert str(error).startswith("worker 1 was ended because its GPU failed")
    assert "uncorrectable ECC error" in str(error)


def test_log_of_an_earlier_attempt_does_not_count(tmp_path: Path) -> None:
    error = first_cause(tmp_path, {1: died()}, {1: start(1) + ECC + start(1)})

    assert type(error) is WorkerFailedError
    assert "most often the machine was out of memory" in str(error)


@pytest.mark.parametrize("cause", [OutOfMemoryError("a slice"), DeviceError("the GPU failed")])
def test_what_a_worker_reports_comes_before_those_that_lost_it(
    tmp_path: Path, cause: DistnetError
) -> None:
    failures = {0: WorkerFailedError(LOST), 1: cause, 2: died()}

    assert first_cause(tmp_path, failures, {}) is cause
