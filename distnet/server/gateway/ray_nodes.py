"""The nodes of a Ray, and what of them others than distnet hold.

Ray tells by HTTP what each node has in all. What is in use it tells only every few seconds, with
distnet's own use in it, so that is put together here: placement groups (Ray Train, Tune, ...) and
actors outside of them (Serve, ...) of jobs that are not ours. Tasks are not seen; they are short.
"""

from collections import defaultdict
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from distnet.scheduler.view import Node

if TYPE_CHECKING:
    from distnet.server.gateway.ray_jobs import RayJobs

OWN = "distnet-"
"""How the ids of attempts begin. A Ray has one distnet server, so all of these are ours."""
MOST = "10000"
"""Ray's dashboard lists no more."""
HOLDING = ("CREATED", "RESCHEDULING")
Row = dict[str, Any]
Held = Mapping[tuple[str, str], float]
"""By node and resource; nothing is 0."""


def read_nodes(jobs: "RayJobs", held: Held) -> tuple[Node, ...]:
    """The nodes that are alive, without what others hold."""
    rows = _listed(jobs, "nodes", state="ALIVE")
    return tuple(_node(row, held) for row in sorted(rows, key=lambda row: str(row["node_ip"])))


def held_by_others(jobs: "RayJobs") -> Held:
    """The CPUs and GPUs on each node that jobs which are not ours hold."""
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
    """A table of Ray's state API: the rows in which each column is as given."""
    filters = {"filter_keys": [*equal], "filter_values": [*equal.values()]}
    filters["filter_predicates"] = ["="] * len(equal)
    answer = jobs.ask(f"/api/v0/{what}", limit=MOST, detail="1", **filters)
    rows: list[Row] = answer["data"]["result"]["result"]
    return rows


def _add(
    held: dict[tuple[str, str], float], node: str | None, resources: Mapping[str, float]
) -> None:
    if node:
        for resource in ("CPU", "GPU"):
            held[node, resource] += resources.get(resource, 0.0)


def _node(row: Row, held: Held) -> Node:
    node, has = row["node_id"], row["resources_total"]
    return Node(
        id=node,
        cpus=max(0.0, has.get("CPU", 0.0) - held.get((node, "CPU"), 0.0)),
        gpus=max(0.0, has.get("GPU", 0.0) - held.get((node, "GPU"), 0.0)),
        name=row["node_ip"],
    )
