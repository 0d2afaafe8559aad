"""The server's loop. Each iteration monitors attempts, submits due jobs, schedules, and acts.

Requests to the cluster are actions, carried out when the mirror is not locked. Nor is it locked
while a plan is made: that takes long if there are thousands of jobs. The plan is for a view, and
only those of its decisions are applied that still hold (`scheduler/holding.py`).
"""

import logging
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial

from distnet.protocol.states import JobState
from distnet.scheduler.decide import decide
from distnet.scheduler.holding import holding
from distnet.scheduler.view import Plan, View
from distnet.server.attempts.decisions import apply_decisions, with_few_starts
from distnet.server.attempts.monitor import Monitor
from distnet.server.attempts.reports import save_reports
from distnet.server.gateway.actions import Action, ActionKind
from distnet.server.gateway.gateway import Gateway
from distnet.server.jobs.commands import ended
from distnet.server.jobs.dependencies import never_met
from distnet.server.jobs.halving import Halving
from distnet.server.jobs.job_file import checkpoint_store
from distnet.server.jobs.recurring import Terms, submit_due
from distnet.server.ledger import usage as usage_rows
from distnet.server.loop.clock import Clock
from distnet.server.loop.cluster_actions import ClusterActions, Run
from distnet.server.loop.retention import Retention
from distnet.server.loop.usage import Usage
from distnet.server.loop.view import ViewBuilder
from distnet.server.settings import Settings
from distnet.server.state.change import SERVER, Change
from distnet.server.state.mirror import Mirror

logger = logging.getLogger(__name__)
SNAPSHOT_EVERY_S = 1.0
SAVE_EVERY_S = 15.0
STALE_S = 15.0
"""The age at which a snapshot is too old to schedule by."""
SCALE_EVERY_S, SCALE_AGAIN_S = 5.0, 2.0
"""How often the autoscaler is given the number of nodes, which Ray may have lost or overwritten;
and how soon again if it could not be reached, or the number has changed."""
PLAN_EVERY_S = 5.0
"""Even if nothing happens: the order of the queue and start times depend on the time."""


@dataclass
class Loop:
    """What the server does on its own."""

    mirror: Mirror
    gateway: Gateway
    settings: Settings
    clock: Callable[[], float]
    monotonic: Callable[[], float]
    """Seconds that pass however the clock is set."""
    run: Run
    """Runs actions on the cluster."""
    decide: Callable[[View], Plan] = field(default=decide)
    """Makes a plan, while the mirror is not locked."""
    views: ViewBuilder = field(init=False)
    monitor: Monitor = field(init=False)
    actions: ClusterActions = field(init=False)
    retention: Retention = field(init=False)
    halving: Halving = field(init=False)
    usage: Usage = field(default_factory=Usage)
    worked_s: float = 0.0
    """How long the newest iteration kept the mirror locked, or made a plan."""
    _clock: Clock = field(init=False)
    _snapshot_sent_at: float = 0.0
    _saved_at: float = 0.0
    _viewed: object = None
    """The state that the newest view is of."""
    _planned_for: object = None
    """The state that the newest plan is for."""
    _planned_at: float = 0.0
    _scaled_at: float = 0.0
    _live: dict[str, str] = field(default_factory=dict)
    """Submissions that were live in the iteration before, with their jobs."""

    def __post_init__(self) -> None:
        self.views = ViewBuilder(self.mirror, self.settings.policy)
        self.monitor = Monitor(self.mirror, self.settings)
        self.halving = Halving(self.mirror)
        self.retention = Retention(self.mirror, self.settings.keep_s, self.monotonic)
        self.actions = ClusterActions(
            self.mirror,
            self.gateway,
            self.settings,
            self.monitor,
            self.clock,
            run=self.run,
            run_snapshot=self.run,
        )
        self._clock = Clock(self.clock, self.monotonic)

    @property
    def checkpoints(self) -> str | None:
        """Where jobs keep their checkpoints that name no store."""
        return checkpoint_store(self.settings.checkpoints, self.mirror.ledger.id)

    def open(self) -> None:
        """Load what an earlier server has saved."""
        with self.mirror.ledger.reading() as tx:
            saved = usage_rows.read_usage(tx)
        self.usage.load(saved, self.clock())

    def iterate(self) -> None:
        """Run one iteration; what fails because of the ledger is done in a later one."""
        now, set_by_s = self.clock(), self._clock.was_set_by()
        if set_by_s:
            self._clock_was_set(set_by_s, now)
        if now - self._snapshot_sent_at >= SNAPSHOT_EVERY_S:
            self._snapshot_sent_at = now
            self.actions.send(Action(ActionKind.SNAPSHOT))
        self.worked_s = 0.0
        actions, view = self.mirror.change(partial(self._look, now))
        self._send(actions)
        with self._working():
            plan = self.decide(view) if view is not None else None
        self._send(self.mirror.change(partial(self._act, view, plan, now)))

    @contextmanager
    def _working(self) -> Iterator[None]:
        began = self.monotonic()
        yield
        self.worked_s += self.monotonic() - began

    def _send(self, actions: Iterable[Action]) -> None:
        for action in actions:
            self.actions.send(action)

    def _clock_was_set(self, by_s: float, now: float) -> None:
        logger.warning("the clock was set by %+.0f s", by_s)
        # If the ledger fails, the next iteration retries.
        self.mirror.change(lambda: self.monitor.clock_was_set(by_s, now))
        with self.mirror.locked():
            self.mirror.leaving.clear()
            self.mirror.groups.forget_times()
        self._snapshot_sent_at = self._saved_at = self._planned_at = self._scaled_at = 0.0
        self.actions.snapshot_at += by_s
        self.usage.counted_at += by_s
        self._clock.settled(by_s)

    def _look(self, now: float) -> tuple[list[Action], View | None]:
        """Do what needs no plan; returns what the next plan is for."""
        terms = Terms(self.settings.allowance, self.checkpoints, self.settings.runs)
        with self._working():
            submit_due(self.mirror, now, terms)
            self._cancel_never_met(now)
            self.halving.decide(now)
            self._save(now)
            actions = [*self.monitor.check(now), *self._forget_ended()]
            return actions, self._view(now)

    def _act(self, view: View | None, plan: Plan | None, now: float) -> list[Action]:
        with self._working():
            actions = self._apply(view, plan, now) if view is not None and plan is not None else []
            self.retention.remove_some(now)
            return actions + self._scale(now)

    def _view(self, now: float) -> View | None:
        """What the next plan is for; None if the newest one is good, or none can be made."""
        mirror, snapshot = self.mirror, self.mirror.snapshot
        is_stale = now - self.actions.snapshot_at > STALE_S
        if snapshot is None or mirror.unreachable or is_stale:
            return None  # free resources are unknown
        if self._state == self._planned_for and now - self._planned_at < PLAN_EVERY_S:
            return None
        view = self.views.view(now, self.usage.values)
        self.usage.count(view.allocations, view.nodes, now)
        self._viewed = self._state
        return view

    def _apply(self, view: View, plan: Plan, now: float) -> list[Action]:
        """Apply what holds of a plan, which was made while the mirror was not locked."""
        plan = with_few_starts(plan)
        mirror, decisions = self.mirror, plan.decisions
        if decisions and self._state != self._viewed:
            decisions = holding(plan, view, self.views.view(now, self.usage.values))
        apply_decisions(mirror, decisions, now)
        mirror.set_plan(plan)
        mirror.groups.set_plan(plan, view.nodes, now)
        self._planned_for, self._planned_at = self._viewed, now
        return self.monitor.check(now) if decisions else []

    @property
    def _state(self) -> object:
        """Changes with everything that matters to the scheduler, except the time."""
        snapshot = self.mirror.snapshot
        nodes = snapshot and (snapshot.cluster, snapshot.nodes)
        return self.mirror.version, nodes

    def _scale(self, now: float) -> list[Action]:
        """Give the autoscaler the number of nodes, once there is a plan."""
        groups, since_s = self.mirror.groups, now - self._scaled_at
        is_due = since_s >= SCALE_EVERY_S
        is_due |= groups.wanted != groups.requested and since_s >= SCALE_AGAIN_S
        if not groups.groups or not self._planned_at or not is_due:
            return []
        self._scaled_at = now
        return [Action(ActionKind.SCALE)]

    def _cancel_never_met(self, now: float) -> None:
        """Cancel jobs whose dependencies can never be met."""
        mirror = self.mirror
        change = Change(now)
        for name in {name for names in mirror.dependents.values() for name in names}:
            job = mirror.jobs[name]
            lost = never_met(job, mirror.states(job))
            if lost is None or job.state not in (JobState.WAITING, JobState.HELD):
                continue
            outcome = mirror.outcomes[lost.job]
            why = f"{lost.job} is {outcome}, and this job waited for {lost.job}:{lost.condition}"
            change.job(ended(job, JobState.CANCELLED, why, now), "cancel", SERVER, f"{name}: {why}")
        mirror.commit(change)

    def _forget_ended(self) -> list[Action]:
        """Forget attempts that have ended since the last iteration, here and on the cluster."""
        live = {attempt.submission: name for name, attempt in self.mirror.attempts.items()}
        gone = self._live.keys() - live.keys()
        self._live = live
        self.views.forget_ended()
        self.monitor.forget_ended()
        return [Action(ActionKind.DELETE, submission) for submission in sorted(gone)]

    def _save(self, now: float) -> None:
        """Save now and then what can be lost without harm."""
        if now - self._saved_at < SAVE_EVERY_S:
            return
        self._saved_at = now
        save_reports(self.mirror, now)
        values = {key: (value, now) for key, value in self.usage.values.items()}
        with self.mirror.ledger.transaction(waits=False) as tx:
            usage_rows.save_usage(tx, values)
