"""The order of the queue: quota, rank, fair share, job number.

1. Jobs within their team's quota come before jobs that would borrow, until these are due
   (`quotas.py`). Otherwise a borrower could start in capacity that is reclaimed from it at once;
   Kueue had such endless loops: https://github.com/kubernetes-sigs/kueue/issues/2821
2. The rank of a job is its priority plus one for each `ageing_s` since it was submitted, so no job
   starves (the age factor of Slurm's multifactor priority).
3. Within a rank, the team with the smallest weighted share comes next, and in it the user with the
   smallest: progressive filling of dominant shares (Ghodsi et al., Dominant Resource Fairness, NSDI
   2011), counting what is held now and recent usage (Slurm's half-life decay). Each job that was
   ordered is charged to its team and user as if it had started, so that the order is the one in
   which jobs would start.
4. The smaller job number.
"""

import heapq
import math
from collections import Counter, defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from operator import attrgetter

from distnet.scheduler.capacity.nodes import NodeTable
from distnet.scheduler.quotas import Quotas
from distnet.scheduler.view import JobRequest, Policy, Shape, View

HALF_LIFE_S = 86_400.0
FULL_USAGE = HALF_LIFE_S / math.log(2)
"""The decayed usage of a team or user that has always had the whole cluster."""

Queue = list[JobRequest]
_Users = list[tuple[float, str, Queue, "Consumer"]]
"""A heap: share, name, jobs with the next one last, consumer."""
_Teams = list[tuple[float, str, _Users, "Consumer"]]


def rank(job: JobRequest, now: float, policy: Policy) -> int:
    """Return the job's priority raised by its age.

    Rank orders the queue and protects from preemption. It gives no right to preempt others.
    """
    age_s = now - job.submitted_at
    return job.priority + int(age_s // policy.ageing_s) if age_s > 0 else job.priority


def queue_order(view: View, jobs: Iterable[JobRequest], quotas: Quotas) -> Queue:
    """Sort jobs into the order in which they are considered, whatever order they come in."""
    ordered = _by_rank(view, jobs)
    if not quotas.exist:
        return ordered
    within: Queue = []
    due: Queue = []
    borrowing: Queue = []
    for job in ordered:
        queue = within if quotas.includes(job) else due if quotas.is_due(job) else borrowing
        queue.append(job)
    due.sort(key=quotas.claim, reverse=True)
    return [*_merged(view, within, due, quotas), *borrowing]


def _merged(view: View, within: Queue, due: Queue, quotas: Quotas) -> Iterable[JobRequest]:
    """Put each job that is due behind the jobs within their quotas whose rank is not below."""
    levels = [(-rank(job, view.now, view.policy), 0) for job in within]
    claims = [(-quotas.claim(job), 1) for job in due]
    both = heapq.merge(zip(levels, within, strict=True), zip(claims, due, strict=True), key=_level)
    return (job for _, job in both)


def _level(entry: tuple[tuple[int, int], JobRequest]) -> tuple[int, int]:
    return entry[0]


def _by_rank(view: View, jobs: Iterable[JobRequest]) -> Queue:
    now, policy = view.now, view.policy
    levels: defaultdict[int, Queue] = defaultdict(list)
    for job in jobs:
        levels[rank(job, now, policy)].append(job)
    ordered: Queue = []
    shares: FairShares | None = None
    for level in sorted(levels, reverse=True):
        queue = sorted(levels[level], key=attrgetter("number"))
        if len(queue) > 1:
            shares = shares or FairShares(view, ordered)
            queue = _by_share(queue, shares)
        elif shares is not None:
            shares.charge(queue[0])
        ordered += queue
    return ordered


@dataclass(slots=True)
class Consumer:
    """What a team or user holds and was charged for; integers, so sums in any order are equal."""

    recent_share: float = 0.0
    """Recent usage as a share of the cluster."""
    weight: float = 1.0
    cpus: int = 0
    gpus: int = 0

    def add(self, shape: Shape, workers: int) -> None:
        """Count additional workers."""
        self.cpus += workers * shape.cpus
        self.gpus += workers * shape.gpus


class FairShares:
    """The dominant share of each team and user: what they hold now plus recent usage."""

    def __init__(self, view: View, ordered: Queue) -> None:
        nodes = NodeTable.of(view.nodes)
        self._per_cpu = 1 / nodes.total_cpus if nodes.total_cpus else 0.0
        self._per_gpu = 1 / nodes.total_gpus if nodes.total_gpus else 0.0
        self._teams: defaultdict[str, Consumer] = defaultdict(Consumer)
        self._users: defaultdict[str, Consumer] = defaultdict(Consumer)
        for key, used in view.usage.items():
            kind, _, name = key.partition(":")
            (self._teams if kind == "team" else self._users)[name].recent_share = used / FULL_USAGE
        for name, team in view.teams.items():
            self.team(name).weight = team.weight
        for allocation in view.allocations:
            self._add(allocation.job, allocation.workers)
        for job in ordered:
            self.charge(job)

    def team(self, name: str) -> Consumer:
        """Return what a team consumes."""
        return self._teams[name]

    def user(self, name: str) -> Consumer:
        """Return what a user consumes."""
        return self._users[name]

    def share(self, consumer: Consumer) -> float:
        """Return the weighted share: of CPUs or of GPUs, whichever is larger."""
        held = max(consumer.cpus * self._per_cpu, consumer.gpus * self._per_gpu)
        return (held + consumer.recent_share) / consumer.weight

    def charge(self, job: JobRequest) -> None:
        """Count a job that was ordered."""
        self._add(job, job.shape.min_workers)

    def charge_user(self, jobs: Queue) -> None:
        """Count several jobs, all of one user and team."""
        shapes = Counter(job.shape for job in jobs)
        for shape, count in shapes.items():
            self.team(jobs[0].team).add(shape, count * shape.min_workers)
            self.user(jobs[0].owner).add(shape, count * shape.min_workers)

    def _add(self, job: JobRequest, workers: int) -> None:
        self._teams[job.team].add(job.shape, workers)
        self._users[job.owner].add(job.shape, workers)


def _by_share(jobs: Queue, shares: FairShares) -> Queue:
    """Order jobs of one rank: the next one is of the team, then of the user, with the least."""
    queues: dict[str, dict[str, Queue]] = {}
    for job in reversed(jobs):
        queues.setdefault(job.team, {}).setdefault(job.owner, []).append(job)
    if len(queues) == 1 and len(queues[jobs[0].team]) == 1:
        shares.charge_user(jobs)
        return jobs
    teams: _Teams = []
    for name, owners in queues.items():
        team = shares.team(name)
        teams.append((shares.share(team), name, _users(owners, shares), team))
    heapq.heapify(teams)
    return _drain(teams, shares)


def _users(owners: dict[str, Queue], shares: FairShares) -> _Users:
    users: _Users = []
    for name, queue in owners.items():
        user = shares.user(name)
        users.append((shares.share(user), name, queue, user))
    heapq.heapify(users)
    return users


def _drain(teams: _Teams, shares: FairShares) -> Queue:
    ordered: Queue = []
    while teams:
        _, team_name, users, team = teams[0]
        _, user_name, queue, user = users[0]
        job = queue.pop()
        ordered.append(job)
        shape = job.shape
        team.add(shape, shape.min_workers)
        user.add(shape, shape.min_workers)
        if queue:
            heapq.heapreplace(users, (shares.share(user), user_name, queue, user))
        else:
            heapq.heappop(users)
        if users:
            heapq.heapreplace(teams, (shares.share(team), team_name, users, team))
        else:
            heapq.heappop(teams)
    return ordered
