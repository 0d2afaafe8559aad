"""What programs other than distnet hold on the nodes of a Ray cluster.

What is in use Ray reports with a delay, and including distnet's own use. So it is computed here,
from what the jobs that are not distnet's hold: placement groups (Ray Train, Tune), actors outside
of them (Serve), and tasks that run at the moment. A task that waits in `ray.get` holds no CPU.

Ray's list of jobs is read last: whatever holds resources then has its job in the list, so that an
attempt of distnet that starts meanwhile is not taken for another program.
"""

import time
from collections import defaultdict
from collections.abc import Mapping
from typing import TYPE_CHECKING

from distnet.server.gateway.ray_nodes import Held, Row, read_table

if TYPE_CHECKING:
    from distnet.server.gateway.ray_jobs import RayJobs

OWN = "distnet-"
"""The prefix of attempts' ids. A Ray has one distnet server, so all of these are its own."""
READ_EVERY_S = 5.0
HOLDING = ("CREATED", "RESCHEDULING")


class Others:
    """What others hold; a few seconds old, because it takes four requests."""

    def __init__(self) -> None:
        self._held: Held = {}
        self._read_at = -READ_EVERY_S
        self._session = ""
        self._own: set[str] = set()
        """The jobs of attempts, also those that Ray lists no more."""

    def held(self, jobs: "RayJobs", session: str) -> Held:
        """Count the CPUs and GPUs on each node that are held by jobs other than distnet's.

        Args:
            jobs: of Ray.
            session: of Ray; another one numbers its jobs anew.
        """
        if session != self._session:
            self._session, self._own, self._read_at = session, set(), -READ_EVERY_S
        now = time.monotonic()
        if now - self._read_at > READ_EVERY_S:
            self._held = self._read(jobs)
            self._read_at = now  # not before: if the requests fail, nothing is known
        return self._held

    def _read(self, jobs: "RayJobs") -> Held:
        groups = read_table(jobs, "placement_groups")
        holders = [
            *read_table(jobs, "actors", state="ALIVE"),
            *read_table(jobs, "tasks", state="RUNNING", type="NORMAL_TASK"),
        ]
        self._own |= {
            job.job_id for job in jobs.list_jobs() if (job.submission_id or "").startswith(OWN)
        }
        held: dict[tuple[str, str], float] = defaultdict(float)
        for group in groups:
            if group["state"] in HOLDING and group["creator_job_id"] not in self._own:
                _add_group(held, group)
        for row in holders:
            if row["job_id"] not in self._own and not row["placement_group_id"]:
                _add(held, row["node_id"], row["required_resources"] or {})
        return held


def _add_group(held: dict[tuple[str, str], float], group: Row) -> None:
    for bundle in group["bundles"] or ():
        _add(held, bundle.get("node_id"), bundle["unit_resources"])


def _add(
    held: dict[tuple[str, str], float], node: str | None, resources: Mapping[str, float]
) -> None:
    if node:
        for resource in ("CPU", "GPU"):
            held[node, resource] += resources.get(resource, 0.0)
