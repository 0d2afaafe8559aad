"""The jobs of a view as columns of numbers, so that rules look at thousands of jobs at once.

A pass looks at each job many times: for its rank, its share, its part of a quota, whether it fits.
Each attribute is one array with a value for each job, in the order of the view.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import chain
from typing import Any

import numpy as np
from numpy.typing import NDArray

from distnet.scheduler.capacity.kinds import Kinds
from distnet.scheduler.capacity.nodes import IndexedPlacement, NodeTable
from distnet.scheduler.view import Allocation, JobRequest, Policy, View

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]
_ROW = np.dtype(
    [
        ("number", np.int64),
        ("priority", np.int64),
        ("submitted_at", np.float64),
        ("ran_s", np.float64),
        ("not_before", np.float64),
        ("expected_s", np.float64),
        ("min_workers", np.int64),
        ("max_workers", np.int64),
        ("cpus", np.int64),
        ("gpus", np.int64),
    ]
)
"""`JobRequest.numbers`."""


class Numbers(dict[str, int]):
    """A number for each name, from 0."""

    def __missing__(self, name: str) -> int:
        number = self[name] = len(self)
        return number

    def of(self, names: Sequence[str]) -> Ints:
        """Return the number of each name."""
        return _numbered(names, self)

    def positions(self) -> Ints:
        """Return the place of each name in alphabetical order."""
        positions = np.empty(len(self), dtype=np.int64)
        positions[[self[name] for name in sorted(self)]] = np.arange(len(self))
        return positions


@dataclass(slots=True)
class Jobs:
    """What jobs request: an array for each attribute."""

    jobs: list[JobRequest]
    number: Ints
    priority: Ints
    submitted_at: Floats
    ran_s: Floats
    not_before: Floats
    expected_s: Floats
    min_workers: Ints
    max_workers: Ints
    cpus: Ints
    """Of each worker."""
    gpus: Ints
    kind: Ints
    """The index of the kind of worker."""
    team: Ints
    owner: Ints

    @classmethod
    def of(
        cls, jobs: Sequence[JobRequest], kinds: Kinds, teams: Numbers, owners: Numbers
    ) -> "Jobs":
        """Read jobs, whose kinds are known."""
        rows = np.frombuffer(b"".join([job.numbers for job in jobs]), dtype=_ROW)
        columns: dict[str, Any] = {name: rows[name].copy() for name in _ROW.names or ()}
        columns["kind"] = _numbered([job.per_worker for job in jobs], kinds.index)
        columns["team"] = teams.of([job.team for job in jobs])
        columns["owner"] = owners.of([job.owner for job in jobs])
        return cls(list(jobs), **columns)

    def take(self, positions: Ints) -> "Jobs":
        """Return some of them, in this order."""
        jobs = self.jobs
        return Jobs(
            [jobs[n] for n in positions.tolist()],
            *(getattr(self, name)[positions] for name in Jobs.__slots__[1:]),
        )

    def ranks(self, now: float, policy: Policy) -> Ints:
        """Return the rank of each (`order.rank`)."""
        age_s = now - self.submitted_at
        levels = np.where(age_s > 0, age_s // policy.ageing_s, 0)
        return self.priority + levels.astype(np.int64)


class Running:
    """The jobs that hold workers, and what they hold on each node.

    Attributes:
        rows: of each job the first of the rows that say what it holds; and then their number.
        row_job: the index of the job of each row, in the order of the allocations.
        row_node: the index of the node; workers on nodes that are gone or draining have no row.
        row_workers: workers of the job on the node.
        changing: the jobs that stop or are resized.
    """

    def __init__(self, allocations: Sequence[Allocation], jobs: Jobs, nodes: NodeTable) -> None:
        self.allocations, self.jobs = allocations, jobs
        self.ends_at = _floats([a.ends_at for a in allocations])
        self.is_stopping = _bools([a.is_stopping for a in allocations])
        self.is_steady = _bools([a.is_steady for a in allocations])
        self.changing = [
            n for n, a in enumerate(allocations) if a.is_stopping or a.resizing_to is not None
        ]
        placements = [a.placement for a in allocations]
        row_job = np.repeat(np.arange(len(placements)), [len(one) for one in placements])
        counts = chain.from_iterable([one.values() for one in placements])
        row_workers = np.fromiter(counts, np.int64, len(row_job))
        index = nodes.index
        where = [index.get(node, -1) for node in chain.from_iterable(placements)]
        row_node = np.array(where, dtype=np.int64)
        self.workers = sums(row_workers, row_job, len(placements)).astype(np.int64)
        is_there = row_node >= 0
        self.row_node, self.row_job = row_node[is_there], row_job[is_there]
        self.row_workers = row_workers[is_there]
        self.rows = np.searchsorted(self.row_job, np.arange(len(placements) + 1)).tolist()

    def __len__(self) -> int:
        return len(self.allocations)

    def on_nodes(self, counts: Ints, num_nodes: int) -> tuple[Floats, Floats]:
        """Sum the CPUs and GPUs of so many workers of each row, for each node."""
        jobs = self.jobs
        return (
            sums(counts * jobs.cpus[self.row_job], self.row_node, num_nodes),
            sums(counts * jobs.gpus[self.row_job], self.row_node, num_nodes),
        )

    def placement(self, n: int, counts: Ints) -> IndexedPlacement:
        """Return the workers of one job on each node, by the counts of all rows."""
        first, end = self.rows[n], self.rows[n + 1]
        nodes, workers = self.row_node[first:end].tolist(), counts[first:end].tolist()
        return {node: count for node, count in zip(nodes, workers, strict=True) if count}

    @cached_property
    def started_at(self) -> Floats:
        """When each started."""
        return _floats([a.started_at for a in self.allocations])

    @cached_property
    def changed_at(self) -> Floats:
        """When each started or was last resized."""
        return np.maximum(self.started_at, _floats([a.resized_at for a in self.allocations]))

    @cached_property
    def is_preemptible(self) -> Bools:
        """Which may be stopped for others."""
        return _bools([a.job.is_preemptible for a in self.allocations])

    @cached_property
    def has_surplus(self) -> Bools:
        """Which have more workers than their minimum, and can be resized now."""
        jobs = self.jobs
        is_elastic = jobs.min_workers < jobs.max_workers
        return is_elastic & self.is_steady & ~self.is_stopping & (self.workers > jobs.min_workers)


class Columns:
    """All that a pass reads of a view more than once."""

    def __init__(self, view: View) -> None:
        self.nodes = NodeTable.of(view.nodes)
        running = [a.job for a in view.allocations]
        self.kinds = Kinds.of(self.nodes, [job.per_worker for job in (*view.waiting, *running)])
        self.teams, self.owners = Numbers(), Numbers()
        names = self.kinds, self.teams, self.owners
        self.waiting = Jobs.of(view.waiting, *names)
        self.running = Running(view.allocations, Jobs.of(running, *names), self.nodes)


def sums(amounts: Ints, groups: Ints, num_groups: int) -> Floats:
    """Sum the amounts of each group: whole numbers, so in any order they are equal."""
    return np.bincount(groups, amounts.astype(float), num_groups).astype(float, copy=False)


def sums_before(amounts: Ints, groups: Ints) -> Ints:
    """The sum of the amounts before each in its group; equal groups are together."""
    if not len(groups):
        return amounts
    before = np.cumsum(amounts) - amounts
    is_first = np.append(True, groups[1:] != groups[:-1])
    before -= before[is_first][np.cumsum(is_first) - 1]
    return before


def _numbered(values: Sequence[Any], numbers: Mapping[Any, int]) -> Ints:
    return np.fromiter(map(numbers.__getitem__, values), np.int64, len(values))


def _floats(values: Sequence[float]) -> Floats:
    return np.array(values, dtype=np.float64)


def _bools(values: Sequence[bool]) -> Bools:
    return np.array(values, dtype=np.bool_)
