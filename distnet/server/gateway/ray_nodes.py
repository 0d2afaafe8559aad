"""The nodes of a Ray cluster, and what programs other than distnet hold there.

Ray reports the total resources of each node by HTTP. What is in use it reports with a delay, and
including distnet's own use. So that is computed here, from the placement groups (Ray Train, Tune)
and the actors outside of them (Serve) of jobs that are not distnet's. Tasks are short, and ignored.
"""

from collections import defaultdict
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from distnet.protocol.cluster import GROUP_LABEL
from distnet.scheduler.view import Node

if TYPE_CHECKING:
    from distnet.server.gateway.ray_jobs import RayJobs

OWN = "distnet-"
"""The prefix of attempts' ids. A Ray has one distnet server, so all of these are its own."""
MOST = "10000"
"""The limit of Ray's dashboard."""
RAYS_GROUP_LABEL = "ray.io/node-group"
"""The label of nodes whose autoscaler distnet has not set up."""
HOLDING = ("CREATED", "RESCHEDULING")
Row = dict[str, Any]
Held = Mapping[tuple[str, str], float]
"""By node and resource; missing means 0."""


def read_nodes(jobs: "RayJobs", held: Held) -> tuple[Node, ...]:
    """List the nodes that are alive, without what others hold."""
    rows = _listed(jobs, "nodes", state="ALIVE")
    return tuple(_node(row, held) for row in sorted(rows, key=lambda row: str(row["node_ip"])))


def head_address(jobs: "RayJobs") -> str:
    """Find the address of the head.

    Raises:
        LookupError: no node that is alive is one.
    """
    rows = _listed(jobs, "nodes", state="ALIVE")
    return [str(row["node_ip"]) for row in rows if row["is_head_node"]][0]


def held_by_others(jobs: "RayJobs") -> Held:
    """Count the CPUs and GPUs on each node that are held by jobs other than distnet's."""
    own = {job.job_id for job in jobs.list_jobs() if (job.submission_id or "").startswith(OWN)}
    held: dict[tuple[str, str], float] = defaultdict(float)
    for group in _listed(jobs, "placement_groups"):
        if group["state"] in HOLDING and group["creator_job_id"] not in own:
            for bundle in group["bundles"] or ():
                _add(held, bundle.get("node_id"), bundle["unit_resources"])
    for actor in _listed(jobs, "actors", state="ALIVE"):
        if actor["job_id"] not in own and not actor["placement_group_id"]:
            _add(held, actor["node_id"], actor["required_resources"] or {})
    return held


def _listed(jobs: "RayJobs", what: str, **equal: str) -> list[Row]:
    """Read a table of Ray's state API: the rows whose columns have the given values."""
    filters = {"filter_keys": [*equal], "filter_values": [*equal.values()]}
    filters["filter_predicates"] = ["="] * len(equal)
    response = jobs.get(f"/api/v0/{what}", limit=MOST, detail="1", **filters)
    rows: list[Row] = response["data"]["result"]["result"]
    return rows


def _add(
    held: dict[tuple[str, str], float], node: str | None, resources: Mapping[str, float]
) -> None:
    if node:
        for resource in ("CPU", "GPU"):
            held[node, resource] += resources.get(resource, 0.0)


def _node(row: Row, held: Held) -> Node:
    node, has, labels = row["node_id"], row["resources_total"], row.get("labels") or {}
    return Node(
        id=node,
        cpus=max(0.0, has.get("CPU", 0.0) - held.get((node, "CPU"), 0.0)),
        gpus=max(0.0, has.get("GPU", 0.0) - held.get((node, "GPU"), 0.0)),
        name=row["node_ip"],
        group=labels.get(GROUP_LABEL) or labels.get(RAYS_GROUP_LABEL, ""),
    )
