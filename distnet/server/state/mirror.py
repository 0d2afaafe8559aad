"""What the server knows, in memory: a mirror of the open part of the ledger.

The ledger is read once, when the server opens; after that every change goes to the ledger first and
comes here when it is durable. Jobs that have ended are let go of, and read from the ledger.
"""

import threading
from collections import Counter
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field, replace

from sqlalchemy import Connection

from distnet.protocol.errors import UnavailableError
from distnet.protocol.states import JobState
from distnet.scheduler.view import Node, Plan, Wait
from distnet.server.gateway.gateway import Snapshot
from distnet.server.ledger import Ledger, attempts, events, jobs, schedules
from distnet.server.ledger import users as people
from distnet.server.ledger.records import (
    AttemptRecord,
    EventRecord,
    JobRecord,
    ScheduleRecord,
    TeamRecord,
)
from distnet.server.state.change import Change


@dataclass
class Mirror:
    """Open jobs, live attempts, schedules, teams; and the cluster as it was seen last.

    Whoever reads or commits has it `held`.
    """

    ledger: Ledger
    lock: threading.RLock = field(default_factory=threading.RLock)
    jobs: dict[str, JobRecord] = field(default_factory=dict)
    """Jobs that have not ended, by name, in the order of submission."""
    attempts: dict[str, AttemptRecord] = field(default_factory=dict)
    """The attempt that lives, by the name of its job."""
    secrets: dict[str, str] = field(default_factory=dict)
    """The name of the job, by the sha256 of the secret of its live attempt."""
    schedules: dict[str, ScheduleRecord] = field(default_factory=dict)
    schedule_faults: dict[str, str] = field(default_factory=dict)
    """Why schedules cannot be looked after, by name, as the event log has it."""
    teams: dict[str, TeamRecord] = field(default_factory=dict)
    dependents: dict[str, set[str]] = field(default_factory=dict)
    """Jobs that wait for the end of another, by its name."""
    snapshot: Snapshot | None = None
    unreachable: str = "the cluster has not been seen yet"
    """Why the cluster could not be seen the last time; empty if it could."""
    plan: Plan = Plan((), ())
    """The newest one of the scheduler."""
    waits: dict[int, Wait] = field(default_factory=dict)
    """Why each waiting job waits, by its number."""
    places: dict[int, int] = field(default_factory=dict)
    """The place in the queue of each, from 1."""
    is_doubtful: bool = False
    """The ledger may know something that is not here."""
    version: int = 0
    """Counts the changes that matter to the scheduler."""
    num_open: Counter[str] = field(default_factory=Counter)
    """Jobs that have not ended, by their owner."""
    draining: dict[str, float] = field(default_factory=dict)
    """Nodes that attempts say are about to go away, and until when that is believed."""
    outcomes: dict[str, JobState] = field(default_factory=dict)
    """How the jobs ended that open jobs wait for."""
    heard: set[str] = field(default_factory=set)
    """Jobs whose newest sign of life is not durable yet."""
    specs: set[str] = field(default_factory=set)
    """The sha256 of job files that the ledger has for certain; not of all."""
    opened_at: float = 0.0
    """Silence of an attempt counts from here at the earliest: nobody listened before."""

    def load(self) -> None:
        """Read everything that is open from the ledger."""
        for memory in (self.jobs, self.attempts, self.secrets, self.dependents, self.outcomes):
            memory.clear()
        self.num_open.clear()
        self.heard.clear()
        self.is_doubtful = True
        with self.ledger.reading() as tx:
            self._put(jobs.open_jobs(tx))
            for attempt in attempts.live_attempts(tx):
                self._put_attempt(attempt)
            self.schedules = {s.name: s for s in schedules.read_schedules(tx)}
            self.teams = {team.name: team for team in people.read_teams(tx)}
            waited_for = {d.job for job in self.jobs.values() for d in job.after}
            states = jobs.states_of(tx, sorted(waited_for - self.jobs.keys()))
        self.outcomes |= {name: state for name, state in states.items() if state.is_terminal}
        self.is_doubtful = False
        self.version += 1

    def commit(self, change: Change) -> None:
        """Make a change durable, then let it be seen.

        Raises:
            UnavailableError: the ledger cannot be reached; nothing has changed.
            ConflictError: `name_taken`.
        """
        if change.is_empty:
            return
        with self.writing() as tx:
            new = self.write(tx, change)
        self.take_in(change, new)

    @contextmanager
    def held(self) -> Iterator[None]:
        """Hold the mirror, so that nobody changes it meanwhile.

        Raises:
            UnavailableError: what is true has to be read again, and cannot be.
        """
        with self.lock:
            if self.is_doubtful:
                self.load()
            yield

    @contextmanager
    def writing(self) -> Iterator[Connection]:
        """A transaction whose changes come here afterwards.

        A connection that is lost while it commits leaves open whether it did, so everything is
        read again before anybody goes by it.
        """
        try:
            with self.ledger.transaction() as tx:
                yield tx
        except UnavailableError:
            self.is_doubtful = True
            raise

    def write(self, tx: Connection, change: Change) -> list[JobRecord]:
        """Write a change into a transaction; returns the new jobs with their numbers."""
        new = jobs.insert_jobs(tx, change.new_jobs) if change.new_jobs else []
        jobs.save_jobs(tx, list(change.jobs.values()))
        attempts.insert_attempts(tx, change.new_attempts)
        attempts.save_attempts(tx, list(change.attempts.values()))
        for schedule in change.schedules.values():
            schedules.save_schedule(tx, schedule)
        for name in change.removed_schedules:
            schedules.delete_schedule(tx, name)
        if change.events:
            events.append_events(tx, change.events)
        return new

    def take_in(self, change: Change, new: list[JobRecord]) -> None:
        """Let a change be seen that is durable now."""
        self._put(new)
        self._put(change.jobs.values())
        for attempt in (*change.new_attempts, *change.attempts.values()):
            self._put_attempt(attempt)
        self.schedules.update(change.schedules)
        for name in change.removed_schedules:
            self.schedules.pop(name, None)
        self.version += not change.is_quiet

    def note(self, job: JobRecord, attempt: AttemptRecord) -> None:
        """Let a sign of life be seen that becomes durable with a later change."""
        self.jobs[job.name] = job
        self.attempts[job.name] = attempt
        self.heard.add(job.name)

    def states(self, job: JobRecord) -> dict[str, JobState]:
        """The states of the jobs that a job waits for, as far as they are known."""
        known: dict[str, JobState] = {}
        for dependency in job.after:
            other = self.jobs.get(dependency.job)
            state = other.state if other is not None else self.outcomes.get(dependency.job)
            if state is not None:
                known[dependency.job] = state
        return known

    def recall(self, job: JobRecord) -> None:
        """Find out how those ended that a job waits for: with its own end they were let go of."""
        unknown = {d.job for d in job.after} - self.jobs.keys() - self.outcomes.keys()
        if unknown:
            with self.ledger.reading() as tx:
                states = jobs.states_of(tx, sorted(unknown))
            self.outcomes |= {name: state for name, state in states.items() if state.is_terminal}

    def job_of_secret(self, sha256: str) -> str | None:
        """The job whose live attempt has this secret."""
        return self.secrets.get(sha256)

    @property
    def known_nodes(self) -> set[str]:
        """The ids of the nodes that were seen last."""
        return {node.id for node in self.snapshot.nodes} if self.snapshot is not None else set()

    def set_draining(self, nodes: Iterable[str], until: float) -> None:
        """Start nothing on these nodes for a while."""
        new = set(nodes)
        self.version += not new <= self.draining.keys()
        self.draining |= dict.fromkeys(new, until)

    def nodes(self, now: float) -> tuple[Node, ...]:
        """The nodes that were seen last."""
        self.draining = {node: until for node, until in self.draining.items() if until > now}
        return tuple(
            replace(node, is_draining=True) if node.id in self.draining else node
            for node in (self.snapshot.nodes if self.snapshot is not None else ())
        )

    def set_plan(self, plan: Plan) -> None:
        """Keep the newest plan, for those who ask why a job waits."""
        self.plan = plan
        self.waits = {wait.job: wait for wait in plan.queue}
        self.places = {wait.job: place for place, wait in enumerate(plan.queue, 1)}

    def set_team(self, team: TeamRecord, actor: str, now: float) -> None:
        """Give a team other entitlements."""
        text = f"team {team.name}: other entitlements"
        with self.writing() as tx:
            people.save_team(tx, team)
            events.append_events(tx, [EventRecord(0, now, "team", None, actor, text, asdict(team))])
        self.teams[team.name] = team
        self.version += 1

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
            self.outcomes.pop(job.name, None)  # it may have been tried again
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
        if attempt.ended_at is None:
            self.attempts[attempt.job] = attempt
            self.secrets[attempt.token_sha256] = attempt.job
            return
        self.secrets.pop(attempt.token_sha256, None)
        newest = self.attempts.get(attempt.job)
        if newest is not None and newest.number == attempt.number:
            del self.attempts[attempt.job]
