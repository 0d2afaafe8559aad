"""The nodes of a Ray cluster, without what programs other than distnet hold there."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from distnet.protocol.cluster import GROUP_LABEL
from distnet.scheduler.view import Node

if TYPE_CHECKING:
    from distnet.server.gateway.ray_jobs import RayJobs

MOST = "10000"
"""The limit of Ray's dashboard."""
RAYS_GROUP_LABEL = "ray.io/node-group"
"""The label of nodes whose autoscaler distnet has not set up."""
ID_LABEL = "ray.io/node-id"
Row = dict[str, Any]
Held = Mapping[tuple[str, str], float]
"""By node and resource; missing means 0."""


def read_nodes(jobs: "RayJobs", held: Held) -> tuple[Node, ...]:
    """List the nodes that are alive, without what others hold."""
    rows = read_table(jobs, "nodes", state="ALIVE")
    return tuple(_node(row, held) for row in sorted(rows, key=lambda row: str(row["node_ip"])))


def head_address(jobs: "RayJobs") -> str:
    """Find the address of the head.

    Raises:
        LookupError: no node that is alive is one.
    """
    rows = read_table(jobs, "nodes", state="ALIVE")
    return [str(row["node_ip"]) for row in rows if row["is_head_node"]][0]


def read_table(jobs: "RayJobs", what: str, **equal: str) -> list[Row]:
    """Read a table of Ray's state API: the rows whose columns have the given values."""
    filters = {"filter_keys": [*equal], "filter_values": [*equal.values()]}
    filters["filter_predicates"] = ["="] * len(equal)
    response = jobs.get(f"/api/v0/{what}", limit=MOST, detail="1", **filters)
    rows: list[Row] = response["data"]["result"]["result"]
    return rows


def _node(row: Row, held: Held) -> Node:
    node, has, labels = row["node_id"], row["resources_total"], row.get("labels") or {}
    cpus, gpus = has.get("CPU", 0.0), has.get("GPU", 0.0)
    others_cpus = min(cpus, held.get((node, "CPU"), 0.0))
    others_gpus = min(gpus, held.get((node, "GPU"), 0.0))
    return Node(
        id=node,
        cpus=cpus - others_cpus,
        gpus=gpus - others_gpus,
        name=row["node_name"] or row["node_ip"],
        group=labels.get(GROUP_LABEL) or labels.get(RAYS_GROUP_LABEL, ""),
        others_cpus=others_cpus,
        others_gpus=others_gpus,
        labels={name: text for name, text in labels.items() if name != ID_LABEL},
    )
