"""A Ray to train on: started for the purpose on this machine, or one that runs already."""

import logging
import os
import shutil
import socket
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil
import ray
from ray.exceptions import RayError

from distnet.errors import NotEnoughResourcesError, WorkerFailedError
from distnet.launch.processes import is_alive, kill
from distnet.launch.ray.capacity import count_gpus
from distnet.launch.ray.environment import environment, on_loopback, quiet, secret, signals_kept
from distnet.launch.ray.guardian import family, guarded
from distnet.launch.ray.node import OBJECT_STORE_BYTES

END_TIMEOUT_S = 5.0
ANSWER_PATIENCE_S = 5.0
KNOCK_PATIENCE_S = 1.0

SETTINGS = {
    "RAY_USAGE_STATS_ENABLED": "0",
    "RAY_TRAIN_V2_ENABLED": "1",
    "RAY_TRAIN_HEALTH_CHECK_INTERVAL_S": "0.1",  # 2 s by default, once or twice at the end
    "RAY_TRAIN_WORKER_GROUP_START_TIMEOUT_S": "60",
    # Our workers use none of these, and each costs a process or says things twice.
    "RAY_TRAIN_ENABLE_PREEMPTION_WATCHER": "0",
    "RAY_TRAIN_METRICS_ENABLED": "0",
    "RAY_TRAIN_ENABLE_PRINT_PATCH": "0",
    "RAY_CHDIR_TO_TRIAL_DIR": "0",
}
SETTINGS_OF_OURS = {
    "RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER": "0",  # see on_loopback; this is for its processes
    # Every process of Ray Train has an environment of its own and cannot use a prepared one.
    "RAY_enable_worker_prestart": "0",
    "RAY_prestart_worker_first_driver": "0",
}


@dataclass(frozen=True)
class Cluster:
    """The Ray that this process is connected to."""

    is_ours: bool
    """Started for this attempt, and ended with it."""
    scratch: Path
    """A folder on this machine that is removed at the end."""
    address: str
    """As the user gave it."""
    roots: tuple[psutil.Process, ...] = ()
    """The processes that a Ray of ours cannot live without."""
    head: str = ""
    """host:port of the head of another Ray."""

    def require_alive(self) -> None:
        """Look after the Ray: it would end this process a minute after the death of its head.

        Raises:
            WorkerFailedError: one of the processes of a Ray of ours is gone, or nobody listens any
                more where the head of another was.
        """
        for process in self.roots:
            if not is_alive(process):
                raise WorkerFailedError(f"Ray itself was killed (process {process.pid} is gone)")
        if self.head and not _listens(self.head):
            raise WorkerFailedError(f"the head of the Ray cluster at {self.head} is gone")


@contextmanager
def ray_cluster(address: str | None, *, workers: int, cpus: int, gpus: int) -> Iterator[Cluster]:
    """Connect to the Ray at `address` (or RAY_ADDRESS), or start one, for the time of the context.

    A Ray that this process is connected to already is used as it is, and left so.

    Args:
        address: `host:port` or `auto`; `local` starts one in any case.
        workers: how many there will be at most.
        cpus: cores a worker. A Ray started here is told that it has enough of them.
        gpus: GPUs a worker; it has those of this machine.

    Raises:
        NotEnoughResourcesError: no Ray could be reached or started.
    """
    address = address or os.environ.get("RAY_ADDRESS") or "local"
    is_ours = address == "local" and not ray.is_initialized()
    settings = SETTINGS | SETTINGS_OF_OURS if is_ours else SETTINGS
    with environment(settings), quiet(), _scratch() as scratch, guarded(scratch):
        if is_ours:
            num_gpus = count_gpus() if gpus else 0
            started = _started(scratch, workers * cpus, num_gpus)
            with secret(), on_loopback(), started as roots:
                yield Cluster(is_ours, scratch, address, roots)
        else:
            with nullcontext() if ray.is_initialized() else _connected(address):
                head = ray.get_runtime_context().gcs_address
                yield Cluster(is_ours, scratch, address, head=head)


@contextmanager
def _started(scratch: Path, num_cpus: int, num_gpus: int) -> Iterator[tuple[psutil.Process, ...]]:
    """Run a Ray of our own; none of its processes outlives the context."""
    me = psutil.Process()
    others = set(me.children())
    try:
        _init(
            "started on this machine; train without it: --inline",
            address="local",
            num_cpus=num_cpus,
            num_gpus=num_gpus,
            object_store_memory=OBJECT_STORE_BYTES,
            include_dashboard=False,
            _temp_dir=str(scratch / "ray"),
        )
        yield tuple(set(me.children()) - others)
    finally:
        left = family(str(scratch))  # before their parents end
        ray.shutdown()
        kill(left, timeout_s=END_TIMEOUT_S)  # by itself it takes a second or two


@contextmanager
def _connected(address: str) -> Iterator[None]:
    """Use a Ray that others run; what we started on it ends with the context."""
    if address.startswith("ray://"):
        raise NotEnoughResourcesError(
            f"{address}: the Ray Client cannot train; give the address of the cluster itself "
            "(host:6379) and run on one of its machines"
        )
    _require_answer(address)
    try:
        _init(f"reached at {address}; is it running? ask with: ray status", address=address)
        yield
    finally:
        ray.shutdown()


def _require_answer(address: str) -> None:
    """Knock first: Ray itself waits for a quarter of an hour for somebody to open."""
    host, _, port = address.rpartition(":")
    if not port.isdecimal():  # `auto`, or something of which Ray knows what is wrong
        return
    try:
        socket.create_connection((host.strip("[]"), int(port)), ANSWER_PATIENCE_S).close()
    except (OSError, OverflowError) as error:
        raise NotEnoughResourcesError(
            f"no Ray cluster answers at {address} ({error}); is it running? ask with: ray status"
        ) from None


def _listens(address: str) -> bool:
    """Whether a port is open; silence is no answer, as of a network that is slow."""
    host, _, port = address.rpartition(":")
    try:
        socket.create_connection((host.strip("[]"), int(port)), KNOCK_PATIENCE_S).close()
    except ConnectionRefusedError:
        return False
    except OSError:
        return True
    return True


def _init(failed: str, **options: Any) -> None:
    try:
        with signals_kept():
            ray.init(log_to_driver=False, logging_level=logging.ERROR, **options)
    except (RayError, OSError, RuntimeError, ValueError) as error:
        reason = str(error).strip().splitlines()[0]
        raise NotEnoughResourcesError(f"Ray could not be {failed} ({reason})") from None


@contextmanager
def _scratch() -> Iterator[Path]:
    """A folder with a short name: Ray's sockets lie in it, whose paths have 107 bytes at most."""
    parent = "/tmp" if os.access("/tmp", os.W_OK) else None
    folder = Path(tempfile.mkdtemp(prefix=f"distnet-{os.getpid()}-", dir=parent))
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)
