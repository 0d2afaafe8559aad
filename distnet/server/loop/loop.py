"""Round after round: see the cluster, look after attempts, plan, act on the plan.

What touches the cluster is an errand, run when the lock is not held: a cluster that answers slowly
holds up nobody who asks the server something.
"""

import logging
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from distnet.protocol.errors import ServerError, UnavailableError
from distnet.protocol.states import JobState
from distnet.scheduler.decide import decide
from distnet.server.attempts.decisions import act, secret_of
from distnet.server.attempts.monitor import Errand, Watching
from distnet.server.attempts.reports import flush
from distnet.server.gateway.gateway import Gateway, Order, Sight
from distnet.server.jobs.dependencies import never_met
from distnet.server.jobs.schedules import submit_due
from distnet.server.jobs.steer import ended
from distnet.server.ledger import usage as saved_usage
from distnet.server.loop.clock import Clock
from distnet.server.loop.usage import Usage
from distnet.server.loop.view import ViewBuilder
from distnet.server.settings import Settings
from distnet.server.state.change import SERVER, Change
from distnet.server.state.mirror import Mirror

logger = logging.getLogger(__name__)
LOOK_EVERY_S = 1.0
SAVE_EVERY_S = 15.0
STALE_S = 15.0
PLAN_EVERY_S = 5.0  # if nothing happens: time alone changes the order, and lets jobs begin
Run = Callable[[Callable[[], None]], Any]


@dataclass
class Rounds:
    """The server's own doing."""

    mirror: Mirror
    gateway: Gateway
    settings: Settings
    clock: Callable[[], float]
    monotonic: Callable[[], float]
    """Seconds that pass whatever the clock is set to."""
    run: Run
    """Runs an errand: at once, or in a thread."""
    run_look: Run = field(init=False)
    """The same for a look at the cluster."""
    world: ViewBuilder = field(init=False)
    watching: Watching = field(init=False)
    _clock: Clock = field(init=False)
    usage: Usage = field(default_factory=Usage)
    held_s: float = 0.0
    """How long the newest round kept the mirror from others."""
    _looked_at: float = 0.0
    _seen_at: float = 0.0
    """When the cluster answered last."""
    _saved_at: float = 0.0
    _planned: object = None
    """What the newest plan went by."""
    _planned_at: float = 0.0
    _on_the_way: set[tuple[str, str]] = field(default_factory=set)
    _live: dict[str, str] = field(default_factory=dict)
    """The submissions that lived in the round before, with their jobs."""

    def __post_init__(self) -> None:
        self.world = ViewBuilder(self.mirror, self.settings.policy)
        self.watching = Watching(self.mirror, self.settings)
        self.run_look = self.run
        self._clock = Clock(self.clock, self.monotonic)

    def open(self) -> None:
        """Take up what was there before."""
        with self.mirror.ledger.reading() as tx:
            saved = saved_usage.read_usage(tx)
        self.usage.load(saved, self.clock())

    def round(self) -> None:
        """Make one round; what the ledger refuses is done in a later one."""
        now, set_by_s = self.clock(), self._clock.was_set_by()
        if set_by_s:
            self._clock_was_set(set_by_s, now)
        if now - self._looked_at >= LOOK_EVERY_S:
            self._looked_at = now
            self._send(Errand("look", ""))
        with self.mirror.held():
            began = self.monotonic()
            errands = self._see_to(now)
            self.held_s = self.monotonic() - began
        for errand in errands:
            self._send(errand)

    def _clock_was_set(self, by_s: float, now: float) -> None:
        logger.warning("the clock was set by %+.0f s", by_s)
        with self.mirror.held():
            self.watching.clock_was_set(by_s, now)  # if the ledger refuses it, the next round tries
            self.mirror.draining.clear()
        self._looked_at = self._saved_at = self._planned_at = 0.0
        self._seen_at += by_s
        self.usage.counted_at += by_s
        self._clock.settled(by_s)

    def _see_to(self, now: float) -> list[Errand]:
        mirror = self.mirror
        errands = self._forget_ended()
        submit_due(mirror, now, self.settings.allowance)
        self._cancel_hopeless(now)
        errands += self.watching.look(now)
        self._save(now)
        if self._plan(now):
            errands += self.watching.look(now)
        return errands

    def _plan(self, now: float) -> bool:
        """Decide and act; whether there was something to do."""
        mirror, snapshot = self.mirror, self.mirror.snapshot
        if snapshot is None or mirror.unreachable or now - self._seen_at > STALE_S:
            return False  # what is free is not known
        seen = (mirror.version, snapshot.cluster, snapshot.nodes)
        if seen == self._planned and now - self._planned_at < PLAN_EVERY_S:
            return False
        view = self.world.view(now, self.usage.values)
        self.usage.count(view.allocations, view.nodes, now)
        plan = decide(view)
        act(mirror, plan.decisions, now)
        mirror.set_plan(plan)
        self._planned, self._planned_at = seen, now
        return bool(plan.decisions)

    def _cancel_hopeless(self, now: float) -> None:
        """Cancel jobs that wait for what cannot come true any more."""
        mirror = self.mirror
        change = Change(now)
        for name in {name for names in mirror.dependents.values() for name in names}:
            job = mirror.jobs[name]
            lost = never_met(job, mirror.states(job))
            if lost is None or job.state not in (JobState.WAITING, JobState.HELD):
                continue
            why = (
                f"{lost.job} {mirror.outcomes[lost.job]}, but this job waited for {lost.condition}"
            )
            change.job(ended(job, JobState.CANCELLED, why, now), "cancel", SERVER, f"{name}: {why}")
        mirror.commit(change)

    def _forget_ended(self) -> list[Errand]:
        """Have the cluster forget attempts that have ended since the round before."""
        live = {attempt.submission: name for name, attempt in self.mirror.attempts.items()}
        gone = self._live.keys() - live.keys()
        self._live = live
        self.world.forget_ended()
        self.watching.forget_ended()
        return [Errand("forget", submission) for submission in sorted(gone)]

    def _save(self, now: float) -> None:
        """Make durable, now and then, what may be lost without harm."""
        if now - self._saved_at < SAVE_EVERY_S:
            return
        self._saved_at = now
        flush(self.mirror, now)
        values = {who: (value, now) for who, value in self.usage.values.items()}
        with self.mirror.ledger.transaction() as tx:
            saved_usage.save_usage(tx, values)

    def _send(self, errand: Errand) -> None:
        key = (errand.kind, errand.submission)
        with self.mirror.lock:
            if key in self._on_the_way:
                return
            self._on_the_way.add(key)

        def do() -> None:
            try:
                self._do(errand)
            finally:
                with self.mirror.lock:
                    self._on_the_way.discard(key)

        run = self.run_look if errand.kind == "look" else self.run
        run(do)

    def _do(self, errand: Errand) -> None:
        try:
            _ERRANDS[errand.kind](self, errand)
        except UnavailableError as error:
            logger.info("%s %s: %s", errand.kind, errand.submission, error)
        except ServerError as error:
            logger.warning("%s %s: %s", errand.kind, errand.submission, error)
        except Exception:
            logger.exception("%s %s: a fault of distnet itself", errand.kind, errand.submission)

    def _look(self, _: Errand) -> None:
        try:
            snapshot = self.gateway.look()
        except Exception as error:
            with self.mirror.lock:
                self.mirror.unreachable = str(error) or "it does not answer"
            if not isinstance(error, UnavailableError):
                raise
            return
        with self.mirror.lock:
            self.mirror.snapshot, self.mirror.unreachable = snapshot, ""
            self._seen_at = self.clock()

    def _start(self, errand: Errand) -> None:
        with self.mirror.lock:
            attempt = self.mirror.attempts.get(errand.job)
            secret = secret_of(self.mirror, errand.submission)
        if attempt is None or attempt.submission != errand.submission:
            return
        address, environment = self.settings.address, self.settings.environment
        try:
            self.gateway.start(Order(errand.submission, address, secret, environment))
        except UnavailableError as error:
            with self.mirror.held():
                self.watching.refused(errand, str(error))
            raise
        with self.mirror.held():
            self.watching.handed(errand.job, errand.submission, self.clock())

    def _sight(self, errand: Errand) -> None:
        sight = self.gateway.sight(errand.submission)
        words = self.gateway.last_words(errand.submission) if sight is Sight.ENDED else ""
        with self.mirror.held():
            self.watching.saw(errand, sight, words, self.clock())

    def _kill(self, errand: Errand) -> None:
        self.gateway.end(errand.submission)

    def _forget(self, errand: Errand) -> None:
        self.gateway.forget(errand.submission)


_ERRANDS: dict[str, Callable[[Rounds, Errand], None]] = {
    "look": Rounds._look,
    "start": Rounds._start,
    "sight": Rounds._sight,
    "end": Rounds._kill,
    "forget": Rounds._forget,
}
