"""Fair shares: which team, and in it which user, comes next among jobs of one rank.

The team with the smallest weighted share comes next, and in it the user with the smallest:
progressive filling of dominant shares (Ghodsi et al., Dominant Resource Fairness, NSDI 2011),
counting what is held now and recent usage (Slurm's half-life decay). Each job that was ordered is
charged to its team and user as if it had started, so that the order is the one in which jobs would
start.

The share that a user has before a job is known without filling anything: what the user holds, and
all jobs of the user that come before. It only grows, so the jobs of a team are merged by sorting
them by it, and then those of all teams by the share that the team has before each. Only where
somebody has jobs of one rank in several teams, which charge each other, they are filled one by one.
"""

import heapq
import math
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

import numpy as np

from distnet.scheduler.columns import (
    Bools,
    Columns,
    Floats,
    Ints,
    Numbers,
    Running,
    sums,
    sums_before,
)
from distnet.scheduler.view import View

HALF_LIFE_S = 86_400.0
FULL_USAGE = HALF_LIFE_S / math.log(2)
"""The decayed usage of a team or user that has always had the whole cluster."""
_Turn = tuple[float, int, int]
"""Share, place by name, and number of a team or user."""


@dataclass(slots=True)
class _Consumers:
    """What teams, or users, hold and have used; whole numbers, so sums in any order are equal."""

    cpus: Floats
    gpus: Floats
    recent_share: Floats
    """Recent usage as a share of the cluster."""
    weight: Floats
    positions: Ints
    """By name."""


class FairShares:
    """Sorts jobs by rank, share and number.

    Args:
        view: the state of the cluster.
        columns: its jobs.
        positions: those that are to be ordered, as positions in the view.
        ranks: of these.
    """

    def __init__(self, view: View, columns: Columns, positions: Ints, ranks: Ints) -> None:
        nodes, jobs = columns.nodes, columns.waiting
        self._per_cpu = 1 / nodes.total_cpus if nodes.total_cpus else 0.0
        self._per_gpu = 1 / nodes.total_gpus if nodes.total_gpus else 0.0
        weights = {name: team.weight for name, team in view.teams.items()}
        used = [key.partition(":")[::2] + (value,) for key, value in view.usage.items()]
        by_team = {name: value for kind, name, value in used if kind == "team"}
        by_user = {name: value for kind, name, value in used if kind != "team"}
        running = columns.running
        self._teams = _consumers(running, running.jobs.team, columns.teams, by_team, weights)
        self._users = _consumers(running, running.jobs.owner, columns.owners, by_user, {})
        self._ranks, self._number = ranks, jobs.number[positions]
        self._team, self._owner = jobs.team[positions], jobs.owner[positions]
        self._cpus = (jobs.min_workers * jobs.cpus)[positions]
        self._gpus = (jobs.min_workers * jobs.gpus)[positions]

    def order(self) -> Ints:
        """Return the positions of the jobs in their order, as positions in what was given."""
        falling, number = -self._ranks, self._number
        by_user = np.lexsort((number, falling, self._owner))
        of_user = self._shares_before(by_user, self._users, self._owner)
        user_positions = self._users.positions[self._owner]
        by_team = np.lexsort((number, user_positions, of_user, falling, self._team))
        of_team = self._shares_before(by_team, self._teams, self._team)
        turn = np.empty_like(by_team)
        turn[by_team] = np.arange(len(turn))
        order = np.lexsort((turn, self._teams.positions[self._team], of_team, falling))
        for rank in self._mixed_ranks():
            order[self._ranks[order] == rank] = list(self._fill(rank))
        return order

    def _shares_before(self, order: Ints, consumers: _Consumers, who: Ints) -> Floats:
        """The share that the consumer of each job has before the job, if they come in an order."""
        who, shares = who[order], np.empty(len(order))
        cpus = consumers.cpus[who] + sums_before(self._cpus[order], who)
        gpus = consumers.gpus[who] + sums_before(self._gpus[order], who)
        shares[order] = self.share(consumers, who, cpus, gpus)
        return shares

    def share(
        self, consumers: _Consumers, who: Ints | int, cpus: Floats | float, gpus: Floats | float
    ) -> Floats:
        """The weighted share, of CPUs or of GPUs, whichever is larger, that a consumer has."""
        held = np.maximum(cpus * self._per_cpu, gpus * self._per_gpu)
        return (held + consumers.recent_share[who]) / consumers.weight[who]

    def _mixed_ranks(self) -> list[int]:
        """The ranks at which somebody has jobs in several teams."""
        order = np.lexsort((self._team, self._owner, self._ranks))
        rank, owner, team = self._ranks[order], self._owner[order], self._team[order]
        is_same = (rank[1:] == rank[:-1]) & (owner[1:] == owner[:-1])
        return sorted(set(rank[1:][is_same & (team[1:] != team[:-1])].tolist()))

    def _fill(self, rank: int) -> Iterator[int]:
        """Take the jobs of one rank one by one, each of the team and user with the least."""
        ahead = self._ranks > rank
        teams = self._filling(self._teams, self._team, ahead)
        users = self._filling(self._users, self._owner, ahead)
        these = np.flatnonzero(self._ranks == rank)
        queues: dict[int, dict[int, list[int]]] = {}
        for n in these[np.argsort(-self._number[these])].tolist():
            its = queues.setdefault(int(self._team[n]), {})
            its.setdefault(int(self._owner[n]), []).append(n)
        members = {team: _heap(users.turn(owner) for owner in its) for team, its in queues.items()}
        heap = _heap(teams.turn(team) for team in queues)
        while heap:
            team, owner = heap[0][2], members[heap[0][2]][0][2]
            queue = queues[team][owner]
            n = queue.pop()
            yield n
            for filling, who in ((teams, team), (users, owner)):
                filling.add(who, int(self._cpus[n]), int(self._gpus[n]))
            _next_turn(members[team], users.turn(owner) if queue else None)
            _next_turn(heap, teams.turn(team) if members[team] else None)

    def _filling(self, consumers: _Consumers, who: Ints, ahead: Bools) -> "_Filling":
        """What consumers have once the jobs of all higher ranks were taken."""
        size = len(consumers.cpus)
        cpus = sums(self._cpus[ahead], who[ahead], size) + consumers.cpus
        gpus = sums(self._gpus[ahead], who[ahead], size) + consumers.gpus
        return _Filling(self, consumers, cpus, gpus)


class _Filling:
    """What consumers have while jobs are taken one by one."""

    def __init__(
        self, shares: FairShares, consumers: _Consumers, cpus: Floats, gpus: Floats
    ) -> None:
        self._shares, self._consumers = shares, consumers
        self._cpus, self._gpus = cpus, gpus

    def turn(self, who: int) -> _Turn:
        """When it is the turn of a consumer: the least comes first."""
        cpus, gpus = self._cpus[who], self._gpus[who]
        share = self._shares.share(self._consumers, who, cpus, gpus)
        return float(share), int(self._consumers.positions[who]), who

    def add(self, who: int, cpus: int, gpus: int) -> None:
        """Charge a job."""
        self._cpus[who] += cpus
        self._gpus[who] += gpus


def _heap(turns: Iterable[_Turn]) -> list[_Turn]:
    heap = list(turns)
    heapq.heapify(heap)
    return heap


def _next_turn(heap: list[_Turn], turn: _Turn | None) -> None:
    """Put a consumer whose turn it was back, if it has more jobs."""
    if turn is None:
        heapq.heappop(heap)
    else:
        heapq.heapreplace(heap, turn)


def _consumers(
    running: Running,
    held_by: Ints,
    names: Numbers,
    used: Mapping[str, float],
    weights: Mapping[str, float],
) -> _Consumers:
    size, workers = len(names), running.workers
    return _Consumers(
        sums(workers * running.jobs.cpus, held_by, size),
        sums(workers * running.jobs.gpus, held_by, size),
        np.array([used.get(name, 0.0) / FULL_USAGE for name in names], dtype=float),
        np.array([weights.get(name, 1.0) for name in names], dtype=float),
        names.positions(),
    )
