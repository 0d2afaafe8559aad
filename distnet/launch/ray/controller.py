"""What runs in Ray Train's controller, and what the controller runs on every worker first.

Ray's TorchTrainer imports torch in the controller, which costs 2 s and 300 MB, chooses the network
interface by the host's name, and waits up to 30 s at the end for workers in a collective. So
neither torch nor ray.train.torch, which imports it, may be imported at the top of this file.
"""

import os
import sys
from collections.abc import MutableMapping
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any

import psutil
import ray
from ray.train.backend import Backend, BackendConfig
from ray.train.v2._internal.callbacks import DatasetsCallback
from ray.train.v2._internal.callbacks.placement_group_callback import PlacementGroupCleanerCallback
from ray.train.v2._internal.execution.scaling_policy.fixed import FixedScalingPolicy
from ray.train.v2.api.data_parallel_trainer import DataParallelTrainer

from distnet.errors import RunError
from distnet.launch.ray.forwarded import keep_own_devices
from distnet.run_folder.node_ids import write_node
from distnet.run_folder.paths import RunFolder


class LeanTrainer(DataParallelTrainer):  # type: ignore[misc]
    """Trains without Ray Data, and without a resource request where the Ray is private."""

    def __init__(self, *args: Any, is_private: bool, **options: Any) -> None:
        super().__init__(*args, **options)
        self._is_private = is_private

    def _create_default_callbacks(self) -> list[Any]:
        """Omit those that start an actor which distnet does not use."""
        useless: tuple[type, ...] = (DatasetsCallback,)
        if self._is_private:  # its placement groups end with it
            useless += (PlacementGroupCleanerCallback,)
        callbacks = super()._create_default_callbacks()
        return [callback for callback in callbacks if not isinstance(callback, useless)]

    def _initialize_and_run_controller(self, **parts: Any) -> Any:
        """Request no machines where there is no autoscaler."""
        if self._is_private:
            parts["scaling_policy"] = SilentPolicy(self.scaling_config)
        return super()._initialize_and_run_controller(**parts)


@dataclass
class ProcessGroup(BackendConfig):  # type: ignore[misc]
    """Has Ray Train join the workers to one process group of torch."""

    run: str
    """The run's folder."""
    backend: str = "gloo"
    """Of torch: `gloo`, or for GPUs `cpu:gloo,cuda:nccl`."""

    @property
    def backend_cls(self) -> type["ProcessGroupBackend"]:
        """What Ray Train calls when the workers have started."""
        return ProcessGroupBackend


class ProcessGroupBackend(Backend):  # type: ignore[misc]
    """Called in Ray Train's controller."""

    # GPUs of one node reach one another only if each process sees all of them.
    share_cuda_visible_devices = True

    def on_start(self, worker_group: Any, backend_config: ProcessGroup) -> None:
        """Prepare every worker, then join them."""
        size = len(worker_group)
        tasks = [
            worker_group.execute_single_async(rank, prepare, backend_config.run, rank, size)
            for rank in range(size)
        ]
        ray.get(tasks)
        if size == 1:
            return
        address = worker_group.execute_single(0, listen)
        tasks = [
            worker_group.execute_single_async(
                rank, join, backend_config.backend, address, rank, size
            )
            for rank in range(size)
        ]
        ray.get(tasks)


class SilentPolicy(FixedScalingPolicy):  # type: ignore[misc]
    """A fixed number of workers, without reporting to the AutoscalingCoordinator."""

    def after_controller_start(self, train_run_context: Any) -> None:
        """Send nothing."""

    def _maybe_send_resource_request(self) -> None:
        """Send nothing."""


def prepare(run: str, rank: int, size: int) -> None:
    """Redirect what this process prints to its log in the run folder, and choose the interface.

    Raises:
        RunError: this node does not see the run folder.
    """
    folder, address = RunFolder(Path(run)), _node_address()
    if not folder.path.is_dir():
        raise RunError(
            f"{run}: the node {address} does not see this folder; "
            "on a cluster, choose a folder for --runs that all nodes share"
        )
    folder.logs.mkdir(exist_ok=True)
    # The descriptors, not Python's streams: NCCL, gloo and a dying interpreter write to them too.
    log = os.open(folder.worker_log(rank), os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
    for stream in (sys.stdout, sys.stderr):
        stream.flush()
    os.dup2(log, 1)
    os.dup2(log, 2)
    os.close(log)
    choose_interface(address, os.environ)
    keep_own_devices(ray.get_runtime_context().get_accelerator_ids().get("GPU", []), os.environ)
    folder.heartbeats.mkdir(exist_ok=True)
    write_node(folder, rank, ray.get_runtime_context().get_node_id())
    print(f"worker {rank} of {size} on {address}, process {os.getpid()}", flush=True)  # noqa: T201


def listen() -> tuple[str, int]:
    """Open the store through which the workers find each other; returns its address."""
    address: tuple[str, int] = _rendezvous().listen(_node_address())
    return address


def join(backend: str, address: tuple[str, int], rank: int, size: int) -> None:
    """Join this process to torch's process group."""
    _rendezvous().join(backend, address, rank, size)


def _rendezvous() -> ModuleType:
    # Called in workers: at the top of this file it would bring torch into the controller.
    from distnet.launch.ray import rendezvous

    return rendezvous


def _node_address() -> str:
    """The address by which Ray knows this node; `ray.util.get_node_ip_address` guesses another."""
    here = ray.get_runtime_context().get_node_id()
    return next(str(n["NodeManagerAddress"]) for n in ray.nodes() if n["NodeID"] == here)


def interface_of(address: str) -> str | None:
    """Name the interface that holds the IP `address` (`127.0.0.1` -> `lo`); None if none does."""
    for name, held in psutil.net_if_addrs().items():
        # IPv6 addresses of one link carry its name: fe80::1%eth0
        if any(one.address.split("%")[0] == address for one in held):
            return name
    return None


def choose_interface(address: str, environment: MutableMapping[str, str]) -> None:
    """Have gloo and NCCL use the interface that holds `address`, unless the user named one."""
    name = interface_of(address)
    if name is None:  # behind NAT: the libraries' own choice is the best guess
        return
    environment.setdefault("GLOO_SOCKET_IFNAME", name)
    environment.setdefault("NCCL_SOCKET_IFNAME", f"={name}")  # "=": not its mere prefix
