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
from collections import Counter, defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from operator import attrgetter

from distnet.scheduler.fit import Hosts
from distnet.scheduler.quota import Entitlements
from distnet.scheduler.view import Candidate, Policy, Shape, View

HALF_LIFE_S = 86_400.0
FULL_USAGE = HALF_LIFE_S / math.log(2)
"""The decayed usage of somebody who has always had the whole cluster."""

Queue = list[Candidate]
Users = list[tuple[float, str, Queue, "Account"]]
Teams = list[tuple[float, str, Users, "Account"]]


def rank(job: Candidate, now: float, policy: Policy) -> int:
    """The job's priority, lifted by its age; it protects from preemption, and gives no right to."""
    age_s = now - job.submitted_at
    return job.priority + int(age_s // policy.ageing_s) if age_s > 0 else job.priority


def in_order(view: View, jobs: Iterable[Candidate], entitlements: Entitlements) -> list[Candidate]:
    """Sort jobs into the order in which they are considered; the order they come in is ignored."""
    now, policy = view.now, view.policy
    levels: defaultdict[int, Queue] = defaultdict(list)
    for job in jobs:
        levels[rank(job, now, policy)].append(job)
    ordered: Queue = []
    shares: Shares | None = None
    for level in sorted(levels, reverse=True):
        queue = sorted(levels[level], key=attrgetter("number"))
        if len(queue) > 1:
            shares = shares or Shares(view, ordered)
            queue = _interleaved(queue, shares)
        elif shares is not None:
            shares.pass_by(queue[0])
        ordered += queue
    if not entitlements.has_quotas:
        return ordered
    entitled: Queue = []
    borrowing: Queue = []
    for job in ordered:
        (entitled if entitlements.is_entitled(job) else borrowing).append(job)
    return entitled + borrowing


@dataclass(slots=True)
class Account:
    """What somebody holds, or was passed in the order with: whole numbers, so any order adds up."""

    used: float = 0.0
    """Lately, as a share of the cluster."""
    weight: float = 1.0
    cpus: int = 0
    gpus: int = 0

    def add(self, shape: Shape, workers: int) -> None:
        """Count so many workers more."""
        self.cpus += workers * shape.cpus
        self.gpus += workers * shape.gpus


class Shares:
    """The dominant share of each team and user: what is held now, and what was used lately."""

    def __init__(self, view: View, passed: Queue) -> None:
        hosts = Hosts.of(view.nodes)
        self._per_cpu = 1 / hosts.total_cpus if hosts.total_cpus else 0.0
        self._per_gpu = 1 / hosts.total_gpus if hosts.total_gpus else 0.0
        self._accounts: defaultdict[str, Account] = defaultdict(Account)
        for who, used in view.usage.items():
            self._accounts[who].used = used / FULL_USAGE
        for name, team in view.teams.items():
            self.team(name).weight = team.weight
        for holder in view.holders:
            self._add(holder.job, holder.workers)
        for job in passed:
            self.pass_by(job)

    def team(self, name: str) -> Account:
        """The account of a team."""
        return self._accounts[f"team:{name}"]

    def user(self, name: str) -> Account:
        """The account of a user."""
        return self._accounts[f"user:{name}"]

    def of(self, account: Account) -> float:
        """The weighted share: of CPUs or of GPUs, whichever is larger."""
        held = max(account.cpus * self._per_cpu, account.gpus * self._per_gpu)
        return (held + account.used) / account.weight

    def pass_by(self, job: Candidate) -> None:
        """Count a job that has its place in the order."""
        self._add(job, job.shape.fewest)

    def pass_all_of_one(self, jobs: Queue) -> None:
        """Count jobs of one user of one team."""
        shapes = Counter(job.shape for job in jobs)
        for shape, count in shapes.items():
            self.team(jobs[0].team).add(shape, count * shape.fewest)
            self.user(jobs[0].owner).add(shape, count * shape.fewest)

    def _add(self, job: Candidate, workers: int) -> None:
        self.team(job.team).add(job.shape, workers)
        self.user(job.owner).add(job.shape, workers)


def _interleaved(jobs: Queue, shares: Shares) -> Queue:
    """Take the next job of the user with the least share in the team with the least, and so on."""
    queues: dict[str, dict[str, Queue]] = {}
    for job in reversed(jobs):
        queues.setdefault(job.team, {}).setdefault(job.owner, []).append(job)
    if len(queues) == 1 and len(queues[jobs[0].team]) == 1:
        shares.pass_all_of_one(jobs)
        return jobs
    teams: Teams = []
    for team, owners in queues.items():
        users: Users = []
        for owner, queue in owners.items():
            account = shares.user(owner)
            users.append((shares.of(account), owner, queue, account))
        heapq.heapify(users)
        teams.append((shares.of(shares.team(team)), team, users, shares.team(team)))
    heapq.heapify(teams)
    return _drained(teams, shares)


def _drained(teams: Teams, shares: Shares) -> Queue:
    ordered: Queue = []
    while teams:
        _, team, users, of_team = teams[0]
        _, owner, queue, of_user = users[0]
        job = queue.pop()
        ordered.append(job)
        shape = job.shape
        of_team.add(shape, shape.fewest)
        of_user.add(shape, shape.fewest)
        if queue:
            heapq.heapreplace(users, (shares.of(of_user), owner, queue, of_user))
        else:
            heapq.heappop(users)
        if users:
            heapq.heapreplace(teams, (shares.of(of_team), team, users, of_team))
        else:
            heapq.heappop(teams)
    return ordered
