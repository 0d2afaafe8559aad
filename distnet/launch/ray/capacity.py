"""How many workers fit: on this machine's GPUs, on the nodes of a Ray, and in what is free there.

Asked first, because Ray would wait for room for ever.
"""

from collections.abc import Mapping
from typing import Any

import ray
from ray import PlacementGroupID
from ray._private import state
from ray.util.placement_group import (
    PlacementGroup,
    placement_group_table,
    remove_placement_group,
)

from distnet.errors import NoRoomYetError, NotEnoughResourcesError
from distnet.launch.placement import ANYWHERE
from distnet.run_folder.paths import RunFolder


def count_gpus() -> int:
    """How many GPUs this machine has."""
    import torch

    return torch.cuda.device_count()


def require_gpus(wanted: int) -> None:
    """Make sure that this machine has so many GPUs.

    Raises:
        NotEnoughResourcesError: it has fewer.
    """
    found = count_gpus() if wanted else 0
    if found < wanted:
        raise NotEnoughResourcesError(
            f"{wanted} GPUs asked for, {found or 'none'} found on this machine: "
            "set resources.gpus to 0, ask for fewer workers, or name a cluster with --address"
        )


def count_room(cpus: int, gpus: int, placement: Mapping[str, int] = ANYWHERE) -> int:
    """How many workers the nodes of this Ray could hold if nobody else used them."""
    has = {node["NodeID"]: node["Resources"] for node in _nodes()}
    return sum(_rooms(has, cpus, gpus, placement).values())


def count_free(cpus: int, gpus: int, placement: Mapping[str, int] = ANYWHERE) -> int:
    """How many workers fit into what is free now; a second old at most."""
    return sum(_rooms(_free(), cpus, gpus, placement).values())


def choose_nodes(workers: int, cpus: int, gpus: int, placement: Mapping[str, int]) -> list[str]:
    """The node of each worker, within the placement and what is free now; full nodes first.

    Raises:
        NoRoomYetError: others were faster to take the room.
    """
    rooms = _rooms(_free(), cpus, gpus, placement)
    order = sorted(rooms, key=lambda node: (-rooms[node], node))
    nodes = [node for node in order for _ in range(rooms[node])][:workers]
    if len(nodes) < workers:
        raise NoRoomYetError(
            f"{workers} workers were to start, but only {len(nodes)} of their placement are free: "
            "others use the nodes; wait for them (see: ray status)"
        )
    return nodes


def describe_room(
    address: str, *, workers: int, cpus: int, gpus: int, placement: Mapping[str, int] = ANYWHERE
) -> str:
    """What is missing for `workers`, node by node, in one sentence."""
    room = count_room(cpus, gpus, placement)
    where = f" at the {len(placement)} nodes that this run was given" if placement else ""
    found = "; ".join(
        f"{node['NodeManagerAddress']}: {node['Resources'].get('CPU', 0):g} CPUs, "
        f"{node['Resources'].get('GPU', 0):g} GPUs"
        for node in _nodes()
    )
    return (
        f"the Ray at {address} has room for {room} of {workers} workers with {cpus} CPUs and "
        f"{gpus} GPUs each{where} (it has {found or 'no node'}): "
        f"set resources.workers to {max(room, 1)}, give each worker less, or add nodes"
    )


def free_groups() -> None:
    """Give back what the placement groups of this Ray hold: a killed controller leaves its own."""
    for name, group in placement_group_table().items():
        if group["state"] != "REMOVED":
            remove_placement_group(PlacementGroup(PlacementGroupID.from_hex(name)))


def is_draining(folder: RunFolder, workers: int) -> bool:
    """Whether a node that holds one of the workers is about to be taken away."""
    draining = state.state.get_draining_nodes()
    if not draining:
        return False
    return any(_node_of(folder, rank) in draining for rank in range(workers))


def draining_nodes() -> tuple[str, ...]:
    """All nodes that are about to be taken away."""
    return tuple(sorted(state.state.get_draining_nodes()))


def is_home_draining() -> bool:
    """Whether the node of this process is about to be taken away."""
    return ray.get_runtime_context().get_node_id() in state.state.get_draining_nodes()


def _node_of(folder: RunFolder, rank: int) -> str:
    try:
        return folder.node(rank).read_text()
    except OSError:
        return ""


def _nodes() -> list[dict[str, Any]]:
    """The nodes that live, and will go on doing so as far as is known."""
    draining = state.state.get_draining_nodes()
    return [node for node in ray.nodes() if node["Alive"] and node["NodeID"] not in draining]


def _free() -> dict[str, Mapping[str, float]]:
    """What is free on each node that stays."""
    staying = {node["NodeID"] for node in _nodes()}
    free = state.available_resources_per_node()
    return {node: has for node, has in free.items() if node in staying}


def _rooms(
    nodes: Mapping[str, Mapping[str, float]], cpus: int, gpus: int, placement: Mapping[str, int]
) -> dict[str, int]:
    """How many workers each node can take."""
    rooms = {node: _num_workers(has, cpus, gpus) for node, has in nodes.items()}
    if not placement:
        return rooms
    return {node: min(most, rooms.get(node, 0)) for node, most in placement.items()}


def _num_workers(has: Mapping[str, float], cpus: int, gpus: int) -> int:
    """How many workers fit on a node."""
    by_cpu = has.get("CPU", 0) // cpus
    return int(min(by_cpu, has.get("GPU", 0) // gpus) if gpus else by_cpu)
