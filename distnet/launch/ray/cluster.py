"""A Ray to train on: a private one, started on this machine, or a cluster that already runs."""

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

from distnet.errors import NotEnoughResourcesError, WorkerFailedError
from distnet.launch.processes import is_alive, kill
from distnet.launch.ray.environment import environment, on_loopback, quiet, secret, signals_kept
from distnet.launch.ray.guardian import family, guarded
from distnet.launch.ray.node import NO_PRESTART, OBJECT_STORE_BYTES
from distnet.train.device.device import count_gpus

END_TIMEOUT_S = 5.0
CONNECT_TIMEOUT_S = 5.0
ALIVE_TIMEOUT_S = 1.0

SETTINGS = {
    "RAY_USAGE_STATS_ENABLED": "0",
    "RAY_TRAIN_V2_ENABLED": "1",
    "RAY_TRAIN_HEALTH_CHECK_INTERVAL_S": "0.1",  # 2 s by default, once or twice at the end
    "RAY_TRAIN_WORKER_GROUP_START_TIMEOUT_S": "60",
    # Our workers use none of these, and each costs a process or prints things twice.
    "RAY_TRAIN_ENABLE_PREEMPTION_WATCHER": "0",
    "RAY_TRAIN_METRICS_ENABLED": "0",
    "RAY_TRAIN_ENABLE_PRINT_PATCH": "0",
    "RAY_CHDIR_TO_TRIAL_DIR": "0",
}
PRIVATE_SETTINGS = {
    "RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER": "0",  # see on_loopback; this is for Ray's own processes
    **NO_PRESTART,
}


@dataclass(frozen=True)
class Cluster:
    """The Ray that this process is connected to."""

    is_private: bool
    """Started for this run, and ended with it."""
    scratch: Path
    """A temporary folder on this machine, removed at the end."""
    address: str
    """As the user gave it."""
    roots: tuple[psutil.Process, ...] = ()
    """The processes without which a private Ray cannot work."""
    head: str = ""
    """host:port of the head of a cluster."""

    def require_alive(self) -> None:
        """Check the Ray: it would end this process a minute after the death of its head.

        Raises:
            WorkerFailedError: a process of a private Ray is gone, or the head of a cluster no
                longer listens.
        """
        for process in self.roots:
            if not is_alive(process):
                raise WorkerFailedError(f"Ray itself was killed (process {process.pid} is gone)")
        if self.head and not _listens(self.head):
            raise WorkerFailedError(f"the head of the Ray cluster at {self.head} is gone")


@contextmanager
def ray_cluster(address: str | None, *, workers: int, cpus: int, gpus: int) -> Iterator[Cluster]:
    """Connect to the Ray at `address` (or RAY_ADDRESS), or start one, for the time of the context.

    If this process is already connected to a Ray, that one is used, and stays connected.

    Args:
        address: `host:port` or `auto`; `local` always starts one.
        workers: the maximum.
        cpus: cores per worker. A Ray started here has enough, whatever the machine has.
        gpus: GPUs per worker; a Ray started here has those of this machine.

    Raises:
        NotEnoughResourcesError: no Ray could be connected to or started.
    """
    address = address or os.environ.get("RAY_ADDRESS") or "local"
    is_private = address == "local" and not ray.is_initialized()
    settings = SETTINGS | PRIVATE_SETTINGS if is_private else SETTINGS
    with environment(settings), quiet(), _scratch() as scratch, guarded(scratch):
        if is_private:
            num_gpus = count_gpus() if gpus else 0
            started = _started(scratch, workers * cpus, num_gpus)
            with secret(), on_loopback(), started as roots:
                yield Cluster(is_private, scratch, address, roots)
        else:
            with nullcontext() if ray.is_initialized() else _connected(address):
                head = ray.get_runtime_context().gcs_address
                yield Cluster(is_private, scratch, address, head=head)


@contextmanager
def _started(scratch: Path, num_cpus: int, num_gpus: int) -> Iterator[tuple[psutil.Process, ...]]:
    """Run a private Ray; none of its processes outlives the context."""
    me = psutil.Process()
    others = set(me.children())
    try:
        _init(
            "started on this machine; try again when it is less busy, or train without Ray: "
            "--inline",
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
    """Use a running Ray; what this process started on it ends with the context."""
    if address.startswith("ray://"):
        raise NotEnoughResourcesError(
            f"{address}: found the address of a Ray Client server, which cannot train; "
            "expected that of the cluster itself (host:6379), used on one of its machines"
        )
    _require_reachable(address)
    try:
        _init(f"reached at {address}; check that it runs: ray status", address=address)
        yield
    finally:
        ray.shutdown()


def _require_reachable(address: str) -> None:
    """Check that something listens: Ray itself would wait for it for 15 minutes."""
    host, _, port = address.rpartition(":")
    if not port.isdecimal():  # `auto`, or something that Ray itself refuses
        return
    try:
        socket.create_connection((host.strip("[]"), int(port)), CONNECT_TIMEOUT_S).close()
    except (OSError, OverflowError) as error:
        raise NotEnoughResourcesError(
            f"no Ray cluster listens at {address} ({error}); check that it runs: ray status"
        ) from None


def _listens(address: str) -> bool:
    """Whether a port is open; a timeout counts as open, as the network may be slow."""
    host, _, port = address.rpartition(":")
    try:
        socket.create_connection((host.strip("[]"), int(port)), ALIVE_TIMEOUT_S).close()
    except ConnectionRefusedError:
        return False
    except OSError:
        return True
    return True


def _init(failed: str, **options: Any) -> None:
    try:
        with signals_kept():
            ray.init(log_to_driver=False, logging_level=logging.ERROR, **options)
    except Exception as error:  # a plain one where its processes took longer than 30 s to start
        reason = (str(error).strip() or type(error).__name__).splitlines()[0]
        raise NotEnoughResourcesError(f"Ray could not be {failed} ({reason})") from None


@contextmanager
def _scratch() -> Iterator[Path]:
    """A folder with a short path: it holds Ray's sockets, whose paths have at most 107 bytes."""
    parent = "/tmp" if os.access("/tmp", os.W_OK) else None
    folder = Path(tempfile.mkdtemp(prefix=f"distnet-{os.getpid()}-", dir=parent))
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)
