"""The order of the queue: what a job is entitled to, rank, fair share, then who was first.

1. Jobs within their team's quota come before jobs that would borrow. Otherwise a borrower could
   start in room that is taken back from it at once; Kueue had such endless loops:
   https://github.com/kubernetes-sigs/kueue/issues/2821
2. A job's rank is its priority, and one more for each `ageing_s` since it was submitted, so nobody
   waits for ever (the age factor of Slurm's multifactor priority).
3. Within a rank, the team with the least weighted share comes next, in it the user with the least:
   progressive filling of dominant shares (Ghodsi et al., Dominant Resource Fairness, NSDI 2011),
   going by what is held now and what was used lately (Slurm's half-life decay). Each job that is
   passed counts for its team and user as if it had started, so that the order is the one in which
   they would start.
4. The smaller number.
"""

import heapq
import math
from collections import defaultdict
from collections.abc import Iterable
from itertools import groupby

from distnet.server.scheduler.fit import Hosts
from distnet.server.scheduler.quota import Rights
from distnet.server.scheduler.view import Candidate, Policy, Shape, View

HALF_LIFE_S = 86_400.0
FULL_USAGE = HALF_LIFE_S / math.log(2)
"""The decayed usage of somebody who has always had the whole cluster."""

Queue = list[Candidate]
Users = list[tuple[float, str, Queue]]


def rank(job: Candidate, now: float, policy: Policy) -> int:
    """The job's priority, lifted by its age; it protects from preemption, and gives no right to."""
    return job.priority + int(max(0.0, now - job.submitted_at) // policy.ageing_s)


def in_order(view: View, jobs: Iterable[Candidate], rights: Rights) -> list[Candidate]:
    """Sort jobs into the order in which they are considered; the order they come in is ignored."""
    now, ageing_s = view.now, view.policy.ageing_s
    keyed = sorted(
        (-job.priority - int(max(0.0, now - job.submitted_at) // ageing_s), job.number, job)
        for job in jobs
    )
    if len(keyed) < 2:
        return [entry[2] for entry in keyed]
    shares = Shares(view)
    ordered: Queue = []
    for _, level in groupby(keyed, key=lambda entry: entry[0]):
        ordered += _interleaved([entry[2] for entry in level], shares)
    if not rights.has_quotas:
        return ordered
    entitled = [job for job in ordered if rights.is_entitled(job)]
    return entitled + [job for job in ordered if not rights.is_entitled(job)]


class Shares:
    """The dominant share of each team and user: what is held now, and what was used lately."""

    def __init__(self, view: View) -> None:
        hosts = Hosts.of(view.nodes)
        self._cpus, self._gpus = hosts.total_cpus or math.inf, hosts.total_gpus or math.inf
        self.weights = defaultdict(lambda: 1.0, {n: team.weight for n, team in view.teams.items()})
        self._sizes: dict[Shape, float] = {}
        self.teams: defaultdict[str, float] = defaultdict(float)
        """Divided by their weights."""
        self.users: defaultdict[str, float] = defaultdict(float)
        for who, used in view.usage.items():
            kind, _, name = who.partition(":")
            if kind == "team":
                self.teams[name] += used / FULL_USAGE / self.weights[name]
            else:
                self.users[name] += used / FULL_USAGE
        for holder in view.holders:
            job = holder.job
            self.add(job, self.size(job.shape) * holder.workers / job.shape.fewest)

    def size(self, shape: Shape) -> float:
        """The share of the cluster that the fewest workers of a job take."""
        known = self._sizes.get(shape)
        if known is None:
            by_cpus, by_gpus = shape.cpus / self._cpus, shape.gpus / self._gpus
            known = self._sizes[shape] = shape.fewest * max(by_cpus, by_gpus)
        return known

    def add(self, job: Candidate, size: float) -> None:
        """Count so much more for the job's team and user."""
        self.teams[job.team] += size / self.weights[job.team]
        self.users[job.owner] += size


def _interleaved(jobs: Queue, shares: Shares) -> Queue:
    """Take the next job of the user with the least share in the team with the least, and so on."""
    queues: dict[str, dict[str, Queue]] = {}
    for job in reversed(jobs):
        queues.setdefault(job.team, {}).setdefault(job.owner, []).append(job)
    if len(queues) == 1 and len(queues[jobs[0].team]) == 1:
        shares.add(jobs[0], sum(shares.size(job.shape) for job in jobs))
        return jobs
    teams: list[tuple[float, str, Users]] = []
    for team, owners in queues.items():
        users = [(shares.users[owner], owner, queue) for owner, queue in owners.items()]
        heapq.heapify(users)
        teams.append((shares.teams[team], team, users))
    heapq.heapify(teams)
    return _drained(teams, shares)


def _drained(teams: list[tuple[float, str, Users]], shares: Shares) -> Queue:
    ordered: Queue = []
    while teams:
        _, team, users = teams[0]
        _, owner, queue = users[0]
        job = queue.pop()
        ordered.append(job)
        size = shares.size(job.shape)
        shares.users[owner] += size
        shares.teams[team] += size / shares.weights[team]
        if queue:
            heapq.heapreplace(users, (shares.users[owner], owner, queue))
        else:
            heapq.heappop(users)
        if users:
            heapq.heapreplace(teams, (shares.teams[team], team, users))
        else:
            heapq.heappop(teams)
    return ordered
