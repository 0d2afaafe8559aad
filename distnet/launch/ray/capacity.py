"""How many workers fit: on this machine's GPUs, on the nodes of a Ray, and on what is free there.

Checked first, because Ray itself would wait for resources forever.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import ray
from ray import PlacementGroupID
from ray._private import state
from ray.util.placement_group import (
    PlacementGroup,
    placement_group_table,
    remove_placement_group,
)

from distnet.errors import ResourcesBusyError
from distnet.launch.placement import ANYWHERE
from distnet.run_folder.paths import RunFolder
from distnet.run_folder.workers.node_ids import read_node
from distnet.spec.plural import counted
from distnet.spec.selector import Selector


@dataclass(frozen=True)
class Needs:
    """What one worker needs of a node."""

    cpus: int
    gpus: int
    selector: Selector | None = None
    """The nodes on which it may be; None: any."""

    def __str__(self) -> str:
        where = f" on {self.selector}" if self.selector is not None else ""
        return f"{self.cpus} CPUs and {self.gpus} GPUs each{where}"


def count_capacity(needs: Needs, placement: Mapping[str, int] = ANYWHERE) -> int:
    """How many workers would fit on the nodes of this Ray if nobody else used them."""
    has = {node["NodeID"]: node["Resources"] for node in _nodes(needs.selector)}
    return sum(_slots(has, needs, placement).values())


def count_free(needs: Needs, placement: Mapping[str, int] = ANYWHERE) -> int:
    """How many workers fit on what is free now; at most a second old."""
    return sum(_slots(_free(needs.selector), needs, placement).values())


def choose_nodes(workers: int, needs: Needs, placement: Mapping[str, int]) -> list[str]:
    """The node of each worker, within the placement and what is free now; most free slots first.

    Raises:
        ResourcesBusyError: others took the resources first.
    """
    slots = _slots(_free(needs.selector), needs, placement)
    order = sorted(slots, key=lambda node: (-slots[node], node))
    nodes = [node for node in order for _ in range(slots[node])][:workers]
    if len(nodes) < workers:
        raise ResourcesBusyError(
            f"{counted(workers, 'worker')} should start, and the nodes have room for "
            f"{len(nodes)} now: others use the nodes; wait for them (see: ray status)"
        )
    return nodes


def describe_shortage(
    address: str, *, workers: int, needs: Needs, placement: Mapping[str, int] = ANYWHERE
) -> str:
    """Say what is missing for `workers`, node by node, in one sentence."""
    capacity = count_capacity(needs, placement)
    where = f" on the {len(placement)} nodes allocated to this run" if placement else ""
    found = "; ".join(
        f"{node['NodeManagerAddress']}: {node['Resources'].get('CPU', 0):g} CPUs, "
        f"{node['Resources'].get('GPU', 0):g} GPUs"
        for node in _nodes()
    )
    lacking = "" if needs.selector is None else needs.selector.missing(_labels())
    if lacking:
        return f"the Ray at {address} has no such node: {lacking}; see resources of the job file"
    return (
        f"the Ray at {address} can hold {capacity} of {workers} workers with {needs}{where} "
        f"(it has {found or 'no node'}): "
        f"set resources.workers to {max(capacity, 1)}, reserve less per worker, or add nodes"
    )


def free_groups() -> None:
    """Remove the placement groups of this Ray: a killed controller leaves its own behind."""
    for name, group in placement_group_table().items():
        if group["state"] != "REMOVED":
            remove_placement_group(PlacementGroup(PlacementGroupID.from_hex(name)))


def is_draining(folder: RunFolder, workers: int) -> bool:
    """Whether a node with one of the workers is being drained."""
    draining = state.state.get_draining_nodes()
    if not draining:
        return False
    return any(read_node(folder, rank) in draining for rank in range(workers))


def draining_nodes() -> tuple[str, ...]:
    """All nodes that are being drained."""
    return tuple(sorted(state.state.get_draining_nodes()))


def is_home_draining() -> bool:
    """Whether the node of this process is being drained."""
    return ray.get_runtime_context().get_node_id() in state.state.get_draining_nodes()


def _nodes(selector: Selector | None = None) -> list[dict[str, Any]]:
    """The nodes that are alive, not being drained, and admitted."""
    draining = state.state.get_draining_nodes()
    alive = [node for node in ray.nodes() if node["Alive"] and node["NodeID"] not in draining]
    return [node for node in alive if selector is None or selector.admits(node["Labels"])]


def _labels() -> list[Mapping[str, str]]:
    return [node["Labels"] for node in _nodes()]


def _free(selector: Selector | None) -> dict[str, Mapping[str, float]]:
    """What is free on each node that stays and is admitted."""
    staying = {node["NodeID"] for node in _nodes(selector)}
    free = state.available_resources_per_node()
    return {node: has for node, has in free.items() if node in staying}


def _slots(
    nodes: Mapping[str, Mapping[str, float]], needs: Needs, placement: Mapping[str, int]
) -> dict[str, int]:
    """How many workers each node can hold."""
    slots = {node: _num_workers(has, needs.cpus, needs.gpus) for node, has in nodes.items()}
    if not placement:
        return slots
    return {node: min(most, slots.get(node, 0)) for node, most in placement.items()}


def _num_workers(has: Mapping[str, float], cpus: int, gpus: int) -> int:
    """How many workers fit on a node."""
    by_cpu = has.get("CPU", 0) // cpus
    return int(min(by_cpu, has.get("GPU", 0) // gpus) if gpus else by_cpu)
