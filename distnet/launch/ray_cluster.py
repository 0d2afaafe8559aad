"""A Ray to train on: started for the purpose on this machine, or one that runs already."""

import logging
import os
import secrets
import shutil
import signal
import tempfile
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil
import ray
from ray._private import ray_constants
from ray._raylet import AuthenticationTokenLoader, Config
from ray.exceptions import RayError

from distnet.errors import NotEnoughResourcesError

OBJECT_STORE_BYTES = 100_000_000  # nothing of ours travels through it, and Ray demands 79 MB
END_PATIENCE_S = 5.0

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
    "RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER": "0",  # see _on_loopback; this is for its processes
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


@contextmanager
def ray_cluster(address: str | None, *, workers: int, cpus: int, gpus: int) -> Iterator[Cluster]:
    """Connect to the Ray at `address` (or RAY_ADDRESS), or start one, for the time of the context.

    A Ray that this process is connected to already is used as it is, and left so.

    Args:
        address: `host:port` or `auto`; `local` starts one in any case.
        workers: how many there will be.
        cpus: cores a worker. A Ray started here is told that it has enough of them.
        gpus: GPUs a worker.

    Raises:
        NotEnoughResourcesError: no Ray could be reached or started, or it is too small.
    """
    address = address or os.environ.get("RAY_ADDRESS") or "local"
    is_ours = address == "local" and not ray.is_initialized()
    settings = SETTINGS | SETTINGS_OF_OURS if is_ours else SETTINGS
    with _signals_kept(), _environment(settings), _scratch() as scratch:
        if is_ours:
            _require_gpus(workers * gpus)
            with _secret(), _on_loopback(), _started(scratch, workers * cpus, workers * gpus):
                yield Cluster(is_ours, scratch)
        else:
            with nullcontext() if ray.is_initialized() else _connected(address):
                _require_room(address, workers, cpus, gpus)
                yield Cluster(is_ours, scratch)


@contextmanager
def _started(scratch: Path, num_cpus: int, num_gpus: int) -> Iterator[None]:
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
        yield
    finally:
        roots = set(me.children()) - others
        family = [process for root in roots for process in (root, *_descendants(root))]
        ray.shutdown()
        _end(family)


@contextmanager
def _connected(address: str) -> Iterator[None]:
    """Use a Ray that others run; what we started on it ends with the context."""
    if address.startswith("ray://"):
        raise NotEnoughResourcesError(
            f"{address}: the Ray Client cannot train; give the address of the cluster itself "
            "(host:6379) and run on one of its machines"
        )
    try:
        _init(f"reached at {address}; is it running? ask with: ray status", address=address)
        yield
    finally:
        ray.shutdown()


def _init(failed: str, **options: Any) -> None:
    try:
        ray.init(log_to_driver=False, logging_level=logging.ERROR, **options)
    except (RayError, OSError, RuntimeError, ValueError) as error:
        reason = str(error).strip().splitlines()[0]
        raise NotEnoughResourcesError(f"Ray could not be {failed} ({reason})") from None


def _require_gpus(wanted: int) -> None:
    if not wanted:
        return
    import torch

    found = torch.cuda.device_count()
    if found < wanted:
        raise NotEnoughResourcesError(
            f"{wanted} GPUs asked for, {found or 'none'} found on this machine: "
            "set resources.gpus to 0, ask for fewer workers, or name a cluster with --address"
        )


def _require_room(address: str, workers: int, cpus: int, gpus: int) -> None:
    nodes = [node for node in ray.nodes() if node["Alive"]]
    room = sum(_num_workers(node["Resources"], cpus, gpus) for node in nodes)
    if room >= workers:
        return
    found = "; ".join(
        f"{node['NodeManagerAddress']}: {node['Resources'].get('CPU', 0):g} CPUs, "
        f"{node['Resources'].get('GPU', 0):g} GPUs"
        for node in nodes
    )
    raise NotEnoughResourcesError(
        f"the Ray at {address} has room for {room} of {workers} workers with {cpus} CPUs and "
        f"{gpus} GPUs each (it has {found}): set resources.workers to {max(room, 1)}, "
        "give each worker less, or add nodes"
    )


def _num_workers(has: Mapping[str, float], cpus: int, gpus: int) -> int:
    """How many workers fit on a node."""
    by_cpu = has.get("CPU", 0) // cpus
    return int(min(by_cpu, has.get("GPU", 0) // gpus) if gpus else by_cpu)


@contextmanager
def _secret() -> Iterator[None]:
    """Give a new Ray a token of its own, so that nobody else on this machine can give it work.

    Ray would otherwise leave one in the home directory, readable by all.
    """
    try:
        with _environment({"RAY_AUTH_TOKEN": secrets.token_hex(32)}):
            yield
    finally:  # the process remembers both, and the next Ray may want neither
        Config.initialize("")
        AuthenticationTokenLoader.instance().reset_cache()


@contextmanager
def _environment(settings: Mapping[str, str]) -> Iterator[None]:
    """Set what the user has not set; put that back afterwards, and what Ray sets by itself."""
    names = (*settings, "RAY_AUTH_MODE", "PYTHONBREAKPOINT")
    before = {name: os.environ.get(name) for name in names}
    for name, value in settings.items():
        os.environ.setdefault(name, value)
    try:
        yield
    finally:
        for name, old in before.items():
            if old is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = old


@contextmanager
def _on_loopback() -> Iterator[None]:
    """Have a new Ray live on 127.0.0.1, as it does on macOS by itself.

    On Linux it listens on all interfaces, and dies when the machine changes its network.
    """
    before = ray_constants.ENABLE_RAY_CLUSTER
    ray_constants.ENABLE_RAY_CLUSTER = False
    try:
        yield
    finally:
        ray_constants.ENABLE_RAY_CLUSTER = before


@contextmanager
def _signals_kept() -> Iterator[None]:
    """Take back the SIGTERM handler that ray.init installs for good."""
    is_main = threading.current_thread() is threading.main_thread()
    before = signal.getsignal(signal.SIGTERM)
    try:
        yield
    finally:
        if is_main and before is not None:
            signal.signal(signal.SIGTERM, before)


@contextmanager
def _scratch() -> Iterator[Path]:
    """A folder with a short name: Ray's sockets lie in it, whose paths have 107 bytes at most."""
    parent = "/tmp" if os.access("/tmp", os.W_OK) else None
    folder = Path(tempfile.mkdtemp(prefix=f"distnet-{os.getpid()}-", dir=parent))
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _descendants(process: psutil.Process) -> list[psutil.Process]:
    try:
        return process.children(recursive=True)
    except psutil.NoSuchProcess:
        return []


def _end(processes: list[psutil.Process]) -> None:
    """Wait for processes to end, and kill those that do not."""
    _, alive = psutil.wait_procs(processes, timeout=END_PATIENCE_S)
    for process in alive:
        try:
            process.kill()
        except psutil.NoSuchProcess:
            continue
    psutil.wait_procs(alive, timeout=END_PATIENCE_S)
