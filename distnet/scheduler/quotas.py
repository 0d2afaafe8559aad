"""Team quotas: which jobs are within their team's quota, and which borrow.

The jobs of a team use its quota in the order of priority and age; those beyond it borrow. The
order does not change with time, because all jobs age alike. A waiting job uses its part of the
quota before a younger one that already runs: a small job that was backfilled must not cost a large
one its quota. What a team borrowed may be reclaimed by jobs within their own team's quota. A job
that would borrow preempts no job of another team that is within its quota, whatever the priorities.

Source: Kueue's nominal quota, borrowing limit and `reclaimWithinCohort`
(https://kueue.sigs.k8s.io/docs/concepts/cluster_queue/). It counts a team as a whole. Here each job
is known to borrow or not, so that what was reclaimed cannot be reclaimed once more.

A job that would borrow must not wait for ever while jobs within quotas arrive. Once it has waited
for `ageing`, it is **due**: it stands in the queue among the jobs within their quotas, by its claim
(a level for each `ageing` that it has waited; its priority only if that is below 0). While it runs,
jobs reclaim from it whose rank is not below its claim, so what it is given by its age is not taken
back by the next job that arrives, and the order of the queue and reclaiming agree: no job starts
where it would be reclaimed from at once. Time in which a job runs counts for no claim.
"""

import math
from collections.abc import Iterable, Iterator

import numpy as np

from distnet.scheduler.columns import Bools, Columns, Floats, Ints, Jobs, sums_before
from distnet.scheduler.view import Resources, Shape, Team, View

NO_RESOURCES: Resources = (0.0, 0.0)


class Quotas:
    """Which waiting jobs are within their team's quota, and which running jobs are beyond it.

    Attributes:
        exist: whether any team has a quota.
        would_borrow: of each waiting job, whether it would be beyond its team's quota.
        is_due: whether one that would borrow stands among the jobs within their quotas.
        claims: the rank at which it does.
        borrowed_cpus: of each running job, whether it borrows CPUs.
        borrowed_gpus: and GPUs.
    """

    def __init__(self, view: View, columns: Columns, eligible: Ints) -> None:
        teams = {name: team for name, team in view.teams.items() if _has_quota(team)}
        waiting, running = columns.waiting, columns.running
        self.exist = bool(teams)
        self._ageing_s = view.policy.ageing_s
        self.would_borrow = np.zeros(len(waiting.jobs), dtype=bool)
        self.borrowed_cpus = np.zeros(len(running), dtype=bool)
        self.borrowed_gpus = self.borrowed_cpus.copy()
        if teams:
            self._divide(columns, eligible, teams)
        levels = self._levels(waiting, view.now)
        self.is_due = self.would_borrow & (levels > 0)
        self.claims = levels + np.minimum(waiting.priority, 0)
        self._running = running

    def may_reclaim(self, rank: int, found: Ints) -> Bools:
        """Which running jobs a job within its quota, of this rank, may reclaim from."""
        levels = self._levels(self._running.jobs, self._running.started_at)[found]
        claims = levels + np.minimum(self._running.jobs.priority[found], 0)
        return (levels <= 0) | (rank >= claims)

    @property
    def borrowed(self) -> Bools:
        """Of each running job, whether it borrows anything."""
        return self.borrowed_cpus | self.borrowed_gpus

    def _levels(self, jobs: Jobs, until: float | Floats) -> Ints:
        """How many times each job had waited for `ageing` at a moment."""
        waited_s = until - jobs.submitted_at - jobs.ran_s
        return (waited_s // self._ageing_s).astype(np.int64)

    def _divide(self, columns: Columns, eligible: Ints, teams: dict[str, Team]) -> None:
        """Let the jobs of each team use its quota, in the order of priority and age."""
        waiting, running = columns.waiting, columns.running
        has_quota = np.array([name in teams for name in columns.teams], dtype=bool)
        waits = eligible[has_quota[waiting.team[eligible]]]
        runs = np.flatnonzero(has_quota[running.jobs.team] & ~running.is_stopping)
        members = _Members(waiting, waits, running.jobs, runs, self._ageing_s)
        quotas = [teams.get(name) or Team(name) for name in columns.teams]
        cpus = np.array([team.quota_cpus for team in quotas], dtype=float)[members.team]
        gpus = np.array([team.quota_gpus for team in quotas], dtype=float)[members.team]
        is_running = members.place >= len(waits)
        held_cpus = sums_before(members.cpus * is_running, members.team)
        held_gpus = sums_before(members.gpus * is_running, members.team)
        beyond_cpus = (members.cpus > 0) & (held_cpus + members.cpus > cpus)
        beyond_gpus = (members.gpus > 0) & (held_gpus + members.gpus > gpus)
        its = runs[members.place[is_running] - len(waits)]
        self.borrowed_cpus[its] = beyond_cpus[is_running]
        self.borrowed_gpus[its] = beyond_gpus[is_running]
        self.would_borrow[waits] = True
        fits = np.flatnonzero(~(is_running | beyond_cpus | beyond_gpus))
        left = zip(
            fits.tolist(),
            members.team[fits].tolist(),
            members.cpus[fits].tolist(),
            members.gpus[fits].tolist(),
            (cpus - held_cpus)[fits].tolist(),
            (gpus - held_gpus)[fits].tolist(),
            strict=True,
        )
        within = list(_within(left))
        self.would_borrow[waits[members.place[within]]] = False


class _Members:
    """The jobs of teams with quotas, by team and in the order in which they use its quota."""

    def __init__(
        self, waiting: Jobs, waits: Ints, running: Jobs, runs: Ints, ageing_s: float
    ) -> None:
        def both(name: str) -> Ints:
            parts = getattr(waiting, name)[waits], getattr(running, name)[runs]
            return np.concatenate(parts)

        since = both("submitted_at") - both("priority") * ageing_s
        order = np.lexsort((both("number"), since, both("team")))
        self.place, self.team = order, both("team")[order]
        workers = both("min_workers")[order]
        self.cpus, self.gpus = workers * both("cpus")[order], workers * both("gpus")[order]


def _within(jobs: Iterable[tuple[int, int, int, int, float, float]]) -> Iterator[int]:
    """Of waiting jobs that fit beside the running ones of their team, those that fit together.

    Args:
        jobs: position, team, CPUs and GPUs that it needs, and that the running ones leave.
    """
    current, used_cpus, used_gpus = -1, 0, 0
    for position, team, cpus, gpus, left_cpus, left_gpus in jobs:
        if team != current:
            current, used_cpus, used_gpus = team, 0, 0
        fits_cpus = not cpus or used_cpus + cpus <= left_cpus
        if fits_cpus and (not gpus or used_gpus + gpus <= left_gpus):
            used_cpus, used_gpus = used_cpus + cpus, used_gpus + gpus
            yield position


def add_workers(held: Resources, shape: Shape, count: int | None = None) -> Resources:
    """Add what `count` workers of a shape need, by default the minimum number of workers."""
    workers = shape.min_workers if count is None else count
    return held[0] + workers * shape.cpus, held[1] + workers * shape.gpus


def _has_quota(team: Team) -> bool:
    return not (math.isinf(team.quota_cpus) and math.isinf(team.quota_gpus))
