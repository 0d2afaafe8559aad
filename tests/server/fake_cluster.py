"""A cluster in memory: the outermost edge. Its attempts speak to the server as real ones do."""

import itertools
from dataclasses import dataclass, field

from distnet.protocol.attempt import Exit, Piece, Report
from distnet.protocol.errors import ServerError, UnavailableError
from distnet.protocol.states import AttemptEnd, Why
from distnet.scheduler.view import Node
from distnet.server.gateway.gateway import Order, Sight, Snapshot
from distnet.server.server import Server


class Clock:
    """Time that passes when it is told to."""

    def __init__(self, now: float = 1_800_000_000.0) -> None:
        self.now = now
        self.set_by = 0.0

    def __call__(self) -> float:
        return self.now

    def pass_(self, seconds: float) -> None:
        self.now += seconds

    def set_(self, by: float) -> None:
        """Change the clock, without any time that passes."""
        self.now += by
        self.set_by += by

    def monotonic(self) -> float:
        return self.now - self.set_by


@dataclass
class FakeAttempt:
    """A process of the cluster that trains a step whenever it is told to go on."""

    order: Order
    num_steps: int
    step: int = 0
    placement: dict[str, int] = field(default_factory=dict)
    is_alive: bool = True
    is_pending: bool = False
    is_mute: bool = False
    """It trains, but nobody hears from it."""
    draining: tuple[str, ...] = ()
    """Nodes of which it has heard that they will go away."""
    is_deaf: bool = False
    """It does not stop when it is asked to."""
    job: str = ""
    number: int = 0
    stop: Why | None = None
    last: Exit | None = None
    """Its last words, until they are acknowledged."""


@dataclass
class FakeCluster:
    """Nodes, and the attempts that were begun on them."""

    nodes: tuple[Node, ...]
    clock: Clock
    num_steps: int = 10
    attempts: dict[str, FakeAttempt] = field(default_factory=dict)
    saved: dict[str, int] = field(default_factory=dict)
    """The newest checkpoint of each job, as its run folder would have it."""
    fences: dict[str, int] = field(default_factory=dict)
    is_reachable: bool = True
    cluster: str = "session-1"
    begins: dict[str, list[int]] = field(default_factory=dict)
    """The step at which each attempt of a job began."""
    hides: set[str] = field(default_factory=set)
    """Attempts that it has and denies."""
    refuses_starts: bool = False
    is_mute: bool = False
    """Nothing that it begins says a word."""
    is_stuck: bool = False
    """It takes attempts, and does not begin them."""
    _generations: "itertools.count[int]" = field(default_factory=lambda: itertools.count(2))

    def look(self) -> Snapshot:
        self._require_reachable()
        return Snapshot(self.cluster, self.nodes, self.clock())

    def start(self, order: Order) -> None:
        self._require_reachable()
        if self.refuses_starts:
            raise UnavailableError("it does not take jobs at the moment")
        if order.submission not in self.attempts:
            new = FakeAttempt(order, self.num_steps, is_mute=self.is_mute)
            new.is_pending, new.is_alive = self.is_stuck, not self.is_stuck
            self.attempts[order.submission] = new

    def sight(self, submission: str) -> Sight:
        self._require_reachable()
        attempt = self.attempts.get(submission)
        if attempt is None or submission in self.hides:
            return Sight.ABSENT
        if attempt.is_pending:
            return Sight.PENDING
        return Sight.RUNNING if attempt.is_alive else Sight.ENDED

    def last_words(self, submission: str) -> str:
        self._require_reachable()
        return "python: not found" if submission in self.attempts else ""

    def end(self, submission: str) -> None:
        self._require_reachable()
        if submission in self.attempts:
            self.attempts[submission].is_alive = False

    def forget(self, submission: str) -> None:
        self._require_reachable()
        if submission not in self.hides:
            self.attempts.pop(submission, None)

    def lose_everything(self) -> None:
        """The head is gone, and with it all that ran; an empty one takes its place."""
        self.attempts.clear()
        self.cluster = f"session-{next(self._generations)}"

    def train(self, server: Server, *, steps: int = 1) -> None:
        """Have every attempt that lives make some steps, and report."""
        for attempt in list(self.attempts.values()):
            if attempt.is_alive:
                self._train(server, attempt, steps)

    def fail(self, job: str, error: str, failure: str) -> None:
        """Have the attempt of a job end with an error."""
        for attempt in self.attempts.values():
            if attempt.job == job and attempt.is_alive:
                attempt.last = Exit(end=AttemptEnd.FAILED, error=error, failure=failure)

    def used(self) -> dict[str, tuple[float, float]]:
        """CPUs and GPUs in use on each node, if every worker has one CPU and no GPU."""
        used: dict[str, tuple[float, float]] = {}
        for attempt in self.attempts.values():
            if attempt.is_alive:
                for node, workers in attempt.placement.items():
                    used[node] = (used.get(node, (0.0, 0.0))[0] + workers, 0.0)
        return used

    def _train(self, server: Server, attempt: FakeAttempt, steps: int) -> None:
        secret = attempt.order.secret
        try:
            if not attempt.job:
                self._begin(server, attempt)
            if attempt.last is None:
                self._make_steps(attempt, steps)
            if attempt.is_mute:
                return
            is_stale = self.fences.get(attempt.job, 0) > attempt.number
            said = Report(
                is_training=attempt.step > 0,
                step=attempt.step,
                num_steps=attempt.num_steps,
                saved_step=self.saved.get(attempt.job),
                placement=attempt.placement,
                draining=attempt.draining,
                progress={"loss": 1.0 / (1 + attempt.step)},
                exit=None if is_stale else attempt.last,
            )
            orders = server.report(secret, said)
        except UnavailableError:
            return  # it goes on, and says so later
        except ServerError:
            attempt.is_alive = False  # stale, or unknown: it ends itself
            return
        if attempt.last is not None:
            attempt.is_alive = False
        if not attempt.is_deaf:
            self._obey(attempt, orders.stop, orders.placement)

    def _begin(self, server: Server, attempt: FakeAttempt) -> None:
        task = server.task(attempt.order.secret)
        attempt.job, attempt.number = task.job, task.attempt
        self._take_room(attempt, task.placement)
        attempt.step = self.saved.get(task.job, 0)
        self.begins.setdefault(task.job, []).append(attempt.step)
        self.fences[task.job] = max(task.attempt, self.fences.get(task.job, 0))

    def _make_steps(self, attempt: FakeAttempt, steps: int) -> None:
        if self.fences.get(attempt.job, 0) > attempt.number:
            return
        if attempt.stop is None:
            attempt.step = min(attempt.num_steps, attempt.step + steps)
        if attempt.step == attempt.num_steps:
            self.saved[attempt.job] = attempt.step
            result = {"status": "finished", "weights_sha256": "ab" * 32}
            attempt.last = Exit(end=AttemptEnd.FINISHED, step=attempt.step, result=result)
        elif attempt.stop is not None:
            self.saved[attempt.job] = attempt.step
            attempt.last = Exit(end=AttemptEnd.STOPPED, step=attempt.step)

    def _obey(self, attempt: FakeAttempt, stop: Why | None, placement: dict[str, int]) -> None:
        if stop is not None:
            attempt.stop = stop
        elif placement and placement != attempt.placement:
            self._take_room(attempt, placement)
            self.saved[attempt.job] = attempt.step

    def _take_room(self, attempt: FakeAttempt, placement: dict[str, int]) -> None:
        """Nodes may have gone since the server has seen them."""
        attempt.placement = dict(placement)
        if not placement.keys() <= {node.id for node in self.nodes}:
            attempt.placement = {}
            error = "the room that a server gave is gone"
            attempt.last = Exit(end=AttemptEnd.FAILED, error=error, failure="preemption")

    def _require_reachable(self) -> None:
        if not self.is_reachable:
            raise UnavailableError("the cluster does not answer")


def piece(stream: str, offset: int, text: str) -> Piece:
    """A part of a log, as an attempt sends it."""
    return Piece(stream=stream, offset=offset, text=text)
