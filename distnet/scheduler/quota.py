"""What teams are entitled to: their quotas, which may be exceeded with what others leave.

A team's jobs have its quota one after the other, by priority and age; those that are beyond it
borrow. The order does not change with time, because all age alike, and a waiting job has its part
before a younger one that already runs: a small job that was let pass must not cost a large one its
right. What a team borrowed may be taken back by jobs that are within their own team's quota, and a
job that would borrow takes nothing from one that does not, whatever their priorities.

Source: Kueue's nominal quota, borrowing limit and `reclaimWithinCohort`
(https://kueue.sigs.k8s.io/docs/concepts/cluster_queue/). It counts a team as a whole; here it is
known which of its jobs borrow, so that what was taken back cannot be taken back once more.
"""

import math
from collections.abc import Iterable

from distnet.scheduler.view import Candidate, Holder, Shape, Team, View

Amount = tuple[float, float]
"""CPUs and GPUs."""
NOTHING: Amount = (0.0, 0.0)


class Entitlements:
    """Which waiting jobs are within their team's quota, and which running ones are beyond it."""

    def __init__(self, view: View, jobs: Iterable[Candidate]) -> None:
        teams = {name: team for name, team in view.teams.items() if _has_quota(team)}
        self.has_quotas = bool(teams)
        self._borrowing: set[int] = set()
        self._borrowed: dict[int, tuple[bool, bool]] = {}
        if not teams:
            return
        holders = {holder.job.number: holder for holder in view.holders if not holder.is_stopping}
        everybody = [*jobs, *(holder.job for holder in holders.values())]
        members: dict[str, list[Candidate]] = {name: [] for name in teams}
        for job in everybody:
            if job.team in teams:
                members[job.team].append(job)
        for name, queue in members.items():
            queue.sort(key=lambda j: (j.submitted_at - j.priority * view.policy.ageing_s, j.number))
            self._share_out(teams[name], queue, holders)

    def is_entitled(self, job: Candidate) -> bool:
        """Whether a waiting job would be within its team's quota."""
        return job.number not in self._borrowing

    def borrows(self, holder: Holder, shape: Shape) -> bool:
        """Whether a running job has borrowed something that a gang of this shape needs."""
        cpus, gpus = self._borrowed.get(holder.job.number, (False, False))
        return (cpus and shape.cpus > 0) or (gpus and shape.gpus > 0)

    def has_borrowed(self, holder: Holder) -> bool:
        """Whether a running job has borrowed anything."""
        return holder.job.number in self._borrowed

    def _share_out(self, team: Team, queue: list[Candidate], holders: dict[int, Holder]) -> None:
        held = entitled = NOTHING
        for job in queue:
            if job.number in holders:
                held, entitled = plus(held, job.shape), plus(entitled, job.shape)
                beyond = _beyond(held, job.shape, team)
                if any(beyond):
                    self._borrowed[job.number] = beyond
                continue
            with_it = plus(entitled, job.shape)
            if any(_beyond(with_it, job.shape, team)):
                self._borrowing.add(job.number)
            else:
                entitled = with_it


def _has_quota(team: Team) -> bool:
    return not (math.isinf(team.quota_cpus) and math.isinf(team.quota_gpus))


def plus(held: Amount, shape: Shape, count: int | None = None) -> Amount:
    """Add so many workers of a shape; the fewest that it may have, if not told."""
    workers = shape.fewest if count is None else count
    return held[0] + workers * shape.cpus, held[1] + workers * shape.gpus


def _beyond(held: Amount, shape: Shape, team: Team) -> tuple[bool, bool]:
    """Whether CPUs and GPUs that the shape uses are beyond the quota."""
    cpus = shape.cpus > 0 and held[0] > team.quota_cpus
    return cpus, shape.gpus > 0 and held[1] > team.quota_gpus
