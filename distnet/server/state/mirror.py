"""The open part of the ledger in memory, and the newest snapshot of the cluster.

The ledger is read once, when the server starts. After that every change is committed to the ledger
first, and applied here when it is durable. Jobs that have ended leave the mirror.
"""

import threading
from collections import Counter
from collections.abc import Callable, Container, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TypeVar

from sqlalchemy import Connection

from distnet.protocol.errors import UnavailableError
from distnet.protocol.states import JobState
from distnet.scheduler.view import Node, Plan, Wait
from distnet.server.gateway.gateway import Snapshot
from distnet.server.ledger import (
    Ledger,
    allocations,
    attempts,
    events,
    jobs,
    schedules,
    users,
)
from distnet.server.ledger.database import LockedError
from distnet.server.ledger.records import (
    AllocationRecord,
    AttemptRecord,
    JobRecord,
    ScheduleRecord,
    TeamRecord,
)
from distnet.server.state.attempt_secrets import AttemptSecrets
from distnet.server.state.change import Change
from distnet.server.state.grants import Grants
from distnet.server.state.leaving_nodes import LeavingNodes
from distnet.server.state.node_groups import NodeGroups
from distnet.server.state.node_orders import NodeOrders

T = TypeVar("T")


@dataclass
class Mirror:
    """Open jobs, live attempts, schedules and teams. Read and commit it only while it is locked."""

    ledger: Ledger
    lock: threading.RLock = field(default_factory=threading.RLock)
    jobs: dict[str, JobRecord] = field(default_factory=dict)
    """Open jobs by name, in the order of submission."""
    attempts: dict[str, AttemptRecord] = field(default_factory=dict)
    """Live attempts, by the name of their job."""
    allocated: dict[tuple[str, int], int] = field(default_factory=dict)
    """The workers of live attempts as the ledger has them, by job and number of the attempt."""
    secrets: AttemptSecrets = field(init=False)
    """The secrets of live attempts."""
    schedules: dict[str, ScheduleRecord] = field(default_factory=dict)
    schedule_faults: dict[str, str] = field(default_factory=dict)
    """Faults of schedules that are in the event log already, by the name of the schedule."""
    teams: dict[str, TeamRecord] = field(default_factory=dict)
    dependents: dict[str, set[str]] = field(default_factory=dict)
    """Jobs that wait for the end of another, by its name."""
    snapshot: Snapshot | None = None
    unreachable: str = "the cluster has not been contacted yet"
    """Why the last snapshot failed; empty if it succeeded."""
    groups: NodeGroups = field(default_factory=NodeGroups)
    """The groups of nodes that an autoscaler adds and removes."""
    plan: Plan = Plan((), ())
    """The newest plan of the scheduler."""
    waits: dict[int, Wait] = field(default_factory=dict)
    """Why each waiting job waits, by its number."""
    positions: dict[int, int] = field(default_factory=dict)
    """Positions in the queue from 1, by the number of the job."""
    rung_waits: dict[str, str] = field(default_factory=dict)
    """Why each trial waits that is at a rung of its sweep, by its name."""
    must_reload: bool = False
    """The ledger may contain a change that is not here."""
    version: int = 0
    """The number of changes that matter to the scheduler."""
    num_open: Counter[str] = field(default_factory=Counter)
    """Open jobs of each owner."""
    orders: NodeOrders = field(default_factory=NodeOrders)
    """Nodes that admins have drained or reserved."""
    leaving: LeavingNodes = field(default_factory=LeavingNodes)
    """Nodes that attempts on them report as draining."""
    grants: Grants = field(default_factory=Grants)
    """The workers that live attempts may have."""
    left_out: set[str] = field(default_factory=set)
    """Attempts with logs that are not kept, which the event log says."""
    outcomes: dict[str, JobState] = field(default_factory=dict)
    """The final states of jobs for which open jobs wait."""
    unsaved: set[str] = field(default_factory=set)
    """Jobs whose newest report is not in the ledger yet."""
    known_specs: set[str] = field(default_factory=set)
    """The sha256 of some job files that are in the ledger."""
    datasets: Container[str] = frozenset()
    """The datasets that the server keeps, by their sha256."""
    opened_at: float = 0.0
    """When the server started. Before, attempts could not report."""

    def __post_init__(self) -> None:
        self.secrets = AttemptSecrets(self.ledger.key)

    def load(self) -> None:
        """Read everything that is open from the ledger."""
        for memory in (self.jobs, self.attempts, self.secrets, self.dependents, self.outcomes):
            memory.clear()
        self.num_open.clear()
        self.unsaved.clear()
        self.grants.clear()
        self.must_reload = True
        with self.ledger.reading() as tx:
            self._put(jobs.open_jobs(tx))
            for attempt in attempts.live_attempts(tx):
                self._put_attempt(attempt)
            self.allocated = allocations.open_workers(tx)
            self.schedules = {s.name: s for s in schedules.read_schedules(tx)}
            self.teams = {team.name: team for team in users.read_teams(tx)}
            self.orders = NodeOrders.read(tx)
            waited_for = {d.job for job in self.jobs.values() for d in job.after}
            states = jobs.states_of(tx, sorted(waited_for - self.jobs.keys()))
        self.outcomes |= {name: state for name, state in states.items() if state.is_terminal}
        self.must_reload = False
        self.version += 1

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Lock the mirror, after reading it again if that is needed.

        Raises:
            UnavailableError: it has to be read again, and the ledger cannot be reached.
        """
        with self.lock:
            if self.must_reload:
                self.load()
            yield

    def change(self, act: Callable[[], T]) -> T:
        """Call a function that writes the ledger, with the mirror locked.

        If another program has the ledger's write lock, that is waited for while the mirror is not
        locked, so that it can be read; then the function is called again, from its beginning.

        Raises:
            LockedError: it has the lock for longer than some seconds; nothing has changed.
        """

        def act_locked() -> T:
            with self.locked():
                return act()

        return self.ledger.patiently(act_locked)

    def commit(self, change: Change) -> None:
        """Make a change durable, then apply it.

        Raises:
            LockedError: another program has the ledger's write lock; see `change`.
            UnavailableError: the ledger cannot be reached; nothing has changed.
            ConflictError: `name_taken`.
        """
        if change.is_empty:
            return
        with self.writing() as tx:
            new = self.write(tx, change)
        self.apply(change, new)

    @contextmanager
    def writing(self) -> Iterator[Connection]:
        """Open a transaction whose changes are applied here afterwards.

        If the connection is lost during the commit, its outcome is unknown: the mirror is read
        again before it is used. The lock of another program is not waited for, see `change`.
        """
        try:
            with self.ledger.transaction(waits=False) as tx:
                yield tx
        except UnavailableError as error:
            self.must_reload |= not isinstance(error, LockedError)  # which lets nothing begin
            raise

    def write(self, tx: Connection, change: Change) -> list[JobRecord]:
        """Write a change in a transaction; returns the new jobs with their numbers."""
        new = jobs.insert_jobs(tx, change.new_jobs) if change.new_jobs else []
        jobs.save_jobs(tx, list(change.jobs.values()))
        attempts.insert_attempts(tx, change.new_attempts)
        attempts.save_attempts(tx, list(change.attempts.values()))
        if change.clock_moved_s:
            allocations.move_open(tx, change.clock_moved_s, change.now)
        allocations.change_allocations(tx, self._allocations(change))
        for schedule in change.schedules.values():
            schedules.save_schedule(tx, schedule)
        for name in change.removed_schedules:
            schedules.delete_schedule(tx, name)
        self.orders.write(tx, change)
        if change.events:
            events.append_events(tx, change.events)
        return new

    def apply(self, change: Change, new: list[JobRecord]) -> None:
        """Apply a change that is durable."""
        self._put(new)
        self._put(change.jobs.values())
        for attempt in (*change.new_attempts, *change.attempts.values()):
            self._put_attempt(attempt)
        self.schedules.update(change.schedules)
        for name in change.removed_schedules:
            self.schedules.pop(name, None)
        self.orders.apply(change)
        self.version += not change.is_quiet

    def set_unsaved(self, job: JobRecord, attempt: AttemptRecord) -> None:
        """Apply a report now that is saved later, see `attempts/reports.py: save_reports`."""
        self.jobs[job.name] = job
        self.attempts[job.name] = attempt
        self.unsaved.add(job.name)

    def states(self, job: JobRecord) -> dict[str, JobState]:
        """The states of the jobs for which a job waits, as far as they are known."""
        known: dict[str, JobState] = {}
        for dependency in job.after:
            other = self.jobs.get(dependency.job)
            state = other.state if other is not None else self.outcomes.get(dependency.job)
            if state is not None:
                known[dependency.job] = state
        return known

    def load_outcomes(self, job: JobRecord) -> None:
        """Read the final states of the jobs for which an ended job waited: it will wait again."""
        unknown = {d.job for d in job.after} - self.jobs.keys() - self.outcomes.keys()
        if unknown:
            with self.ledger.reading() as tx:
                states = jobs.states_of(tx, sorted(unknown))
            self.outcomes |= {name: state for name, state in states.items() if state.is_terminal}

    def nodes(self, now: float) -> tuple[Node, ...]:
        """The nodes in the newest snapshot, with what is known of their draining."""
        nodes = self.snapshot.nodes if self.snapshot is not None else ()
        return tuple(map(self.orders.marked, self.leaving.marked(nodes, self.attempts, now)))

    def set_plan(self, plan: Plan) -> None:
        """Keep the newest plan: it explains why jobs wait."""
        self.plan = plan
        self.waits = {wait.job: wait for wait in plan.queue}
        self.positions = {wait.job: position for position, wait in enumerate(plan.queue, 1)}

    def _allocations(self, change: Change) -> list[AllocationRecord]:
        """The attempts of a change that have another number of workers than the ledger says."""
        return [
            AllocationRecord(attempt.job, attempt.number, change.now, _workers(attempt))
            for attempt in (*change.new_attempts, *change.attempts.values())
            if _workers(attempt) != self.allocated.get((attempt.job, attempt.number), 0)
        ]

    def _put(self, records: Iterable[JobRecord]) -> None:
        for job in records:
            before = self.jobs.get(job.name)
            self.num_open[job.owner] += (before is None) - job.state.is_terminal
            if job.state.is_terminal:
                self.jobs.pop(job.name, None)
                self._forget_dependencies(job)
                if job.name in self.dependents:
                    self.outcomes[job.name] = job.state
                continue
            self.outcomes.pop(job.name, None)  # it may have been retried
            self.jobs[job.name] = job
            if before is None:
                for dependency in job.after:
                    self.dependents.setdefault(dependency.job, set()).add(job.name)

    def _forget_dependencies(self, job: JobRecord) -> None:
        for dependency in job.after:
            waiting = self.dependents.get(dependency.job)
            if waiting is not None:
                waiting.discard(job.name)
                if not waiting:
                    del self.dependents[dependency.job]
                    self.outcomes.pop(dependency.job, None)

    def _put_attempt(self, attempt: AttemptRecord) -> None:
        self.grants.put(attempt)
        self.secrets.put(attempt, self.attempts.get(attempt.job))
        if attempt.ended_at is None:
            self.attempts[attempt.job] = attempt
            self.allocated[attempt.job, attempt.number] = _workers(attempt)
            return
        self.left_out.discard(attempt.submission)
        self.allocated.pop((attempt.job, attempt.number), None)
        newest = self.attempts.get(attempt.job)
        if newest is not None and newest.number == attempt.number:
            del self.attempts[attempt.job]


def _workers(attempt: AttemptRecord) -> int:
    """The workers for which an attempt has resources; none after its end."""
    return 0 if attempt.ended_at is not None else sum(attempt.placement.values())
