"""What runs in Ray Train's controller, and what the controller runs on every worker first.

Ray's TorchTrainer imports torch in the controller, which costs 2 s and 300 MB, chooses the network
interface by the host's name, and waits up to 30 s at the end for workers in a collective. So
neither torch nor ray.train.torch, which imports it, may be imported at the top of this file.
"""

import os
from collections.abc import MutableMapping
from dataclasses import dataclass
from types import ModuleType
from typing import Any

import psutil
import ray
from ray.train.backend import Backend, BackendConfig
from ray.train.v2._internal.callbacks import DatasetsCallback
from ray.train.v2._internal.callbacks.placement_group_callback import PlacementGroupCleanerCallback
from ray.train.v2._internal.execution.scaling_policy.fixed import FixedScalingPolicy
from ray.train.v2.api.data_parallel_trainer import DataParallelTrainer

from distnet.launch.ray.forwarded import keep_own_devices
from distnet.launch.ray.output import begin_output
from distnet.launch.ray.relay.actor import start_relay
from distnet.launch.ray.relay.attachment import Attachment, attachment, keep
from distnet.launch.ray.relay.connection import Connection
from distnet.launch.ray.relay.folders import Folders, Reach, copying, reach_of


class LeanTrainer(DataParallelTrainer):  # type: ignore[misc]
    """Trains without Ray Data, and without a resource request."""

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
        """Request no machines: an autoscaler would take that for the server's request."""
        parts["scaling_policy"] = SilentPolicy(self.scaling_config)
        return super()._initialize_and_run_controller(**parts)


@dataclass
class ProcessGroup(BackendConfig):  # type: ignore[misc]
    """Has Ray Train join the workers to one process group of torch."""

    folders: Folders
    """The folders of the attempt."""
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

    def __init__(self) -> None:
        super().__init__()
        self._relay: Any = None
        """Lives as long as this object, which is one attempt."""

    def on_start(self, worker_group: Any, backend_config: ProcessGroup) -> None:
        """Prepare every worker, then join them."""
        size, folders = len(worker_group), backend_config.folders
        tasks = [
            worker_group.execute_single_async(rank, prepare, folders, rank, size)
            for rank in range(size)
        ]
        self._attach(worker_group, folders, ray.get(tasks))
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

    def _attach(self, worker_group: Any, folders: Folders, reaches: list[Reach]) -> None:
        """Start a relay, if there are workers that do not see all folders."""
        missing = [rank for rank, reach in enumerate(reaches) if not reach.is_whole]
        if not missing:
            return
        self._relay = start_relay(folders)
        nodes = {each.node for each in reaches if each.dataset == "" and not each.is_cached}
        if nodes and folders.dataset is not None:
            ray.get(self._relay.records.remote("note", copying(folders.dataset, len(nodes))))
        size = len(worker_group)
        tasks = [
            worker_group.execute_single_async(rank, attach, self._relay, rank, size)
            for rank in missing
        ]
        ray.get(tasks)


class SilentPolicy(FixedScalingPolicy):  # type: ignore[misc]
    """A fixed number of workers, without reporting to the AutoscalingCoordinator."""

    def after_controller_start(self, train_run_context: Any) -> None:
        """Send nothing."""

    def _maybe_send_resource_request(self) -> None:
        """Send nothing."""


def prepare(folders: Folders, rank: int, size: int) -> Reach:
    """Choose the network interface, and find out which folders this process sees.

    If it sees the run folder, what it prints goes to its log there from now on.
    """
    address, node = _node_address(), ray.get_runtime_context().get_node_id()
    choose_interface(address, os.environ)
    keep_own_devices(ray.get_runtime_context().get_accelerator_ids().get("GPU", []), os.environ)
    reach = reach_of(folders, node)
    if reach.run:
        begin_output(folders.run_folder, rank, node, f"worker {rank} of {size} on {address}")
    keep(Attachment(folders, reach))
    return reach


def attach(relay: Any, rank: int, size: int) -> None:
    """Have this process reach through the relay what it does not see."""
    own = attachment()
    if own.attach(Connection(relay), rank):
        greeting = f"worker {rank} of {size} on {_node_address()}"
        begin_output(own.folder, rank, own.reach.node, greeting)


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
