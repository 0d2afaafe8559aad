"""A cluster in memory. Its attempts report to the server as real ones do."""

import itertools
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from distnet.protocol.attempt import Exit, Piece, Report
from distnet.protocol.errors import ServerError, UnavailableError
from distnet.protocol.metrics import AtRung, Compared, Headline
from distnet.protocol.states import AttemptEnd, StopReason
from distnet.protocol.usage import Used
from distnet.scheduler.view import Node
from distnet.server.gateway.gateway import ProcessStatus, Snapshot, StartRequest
from distnet.server.server import Server
from distnet.spec.halving import rung_epoch


class Clock:
    """Time that passes when a test says so."""

    def __init__(self, now: float = 1_800_000_000.0) -> None:
        self.now = now
        self.set_by = 0.0

    def __call__(self) -> float:
        return self.now

    def pass_(self, seconds: float) -> None:
        self.now += seconds

    def set_(self, by: float) -> None:
        """Set the clock, without any time passing."""
        self.now += by
        self.set_by += by

    def monotonic(self) -> float:
        return self.now - self.set_by


@dataclass
class FakeAttempt:
    """A process of the cluster that trains some steps whenever a test says so."""

    request: StartRequest
    num_steps: int
    step: int = 0
    placement: dict[str, int] = field(default_factory=dict)
    is_alive: bool = True
    is_pending: bool = False
    is_silent: bool = False
    """It trains, but does not report."""
    draining: tuple[str, ...] = ()
    """Nodes that it reports as draining."""
    ignores_stop: bool = False
    """It does not stop when the server instructs it to."""
    job: str = ""
    number: int = 0
    stop: StopReason | None = None
    last: Exit | None = None
    """Its exit record, until it is acknowledged."""
    used: Used | None = None
    """What it reports to have used."""
    rungs: tuple[int, ...] = ()
    """The steps at which its sweep compares it; each step is an epoch."""
    passed: int = 0
    """At how many of them it does not stop."""


@dataclass
class FakeCluster:
    """Nodes, and the attempts that were started on them."""

    nodes: tuple[Node, ...]
    clock: Clock
    num_steps: int = 10
    attempts: dict[str, FakeAttempt] = field(default_factory=dict)
    saved: dict[str, int] = field(default_factory=dict)
    """The newest checkpoint of each job, as its run folder would have it."""
    fences: dict[str, int] = field(default_factory=dict)
    is_reachable: bool = True
    cluster: str = "session-1"
    starts: dict[str, list[int]] = field(default_factory=dict)
    """The step at which each attempt of a job started."""
    hides: set[str] = field(default_factory=set)
    """Attempts that it runs, but says it does not know."""
    refuses_starts: bool = False
    is_silent: bool = False
    """No attempt that it starts reports."""
    is_stuck: bool = False
    """It accepts attempts, and does not start them."""
    requested: list[dict[str, int]] = field(default_factory=list)
    """The numbers of nodes that its autoscaler was given, one after the other."""
    scores: dict[str, float] = field(default_factory=dict)
    """What each job is measured at, in all of its epochs."""
    failures: dict[str, str] = field(default_factory=dict)
    """Why its autoscaler cannot add nodes, by group."""
    _generations: "itertools.count[int]" = field(default_factory=lambda: itertools.count(2))

    def snapshot(self) -> Snapshot:
        self._require_reachable()
        return Snapshot(self.cluster, self.nodes, self.clock())

    def start(self, request: StartRequest) -> None:
        self._require_reachable()
        if self.refuses_starts:
            raise UnavailableError("it accepts no jobs now")
        if request.submission not in self.attempts:
            new = FakeAttempt(request, self.num_steps, is_silent=self.is_silent)
            new.is_pending, new.is_alive = self.is_stuck, not self.is_stuck
            self.attempts[request.submission] = new

    def status(self, submission: str) -> ProcessStatus:
        self._require_reachable()
        attempt = self.attempts.get(submission)
        if attempt is None or submission in self.hides:
            return ProcessStatus.ABSENT
        if attempt.is_pending:
            return ProcessStatus.PENDING
        return ProcessStatus.RUNNING if attempt.is_alive else ProcessStatus.ENDED

    def end_message(self, submission: str) -> str:
        self._require_reachable()
        return "python: not found" if submission in self.attempts else ""

    def kill(self, submission: str) -> None:
        self._require_reachable()
        if submission in self.attempts:
            self.attempts[submission].is_alive = False

    def delete(self, submission: str) -> None:
        self._require_reachable()
        if submission not in self.hides:
            self.attempts.pop(submission, None)

    def scale(self, nodes: Mapping[str, int]) -> Mapping[str, str]:
        self._require_reachable()
        self.requested.append(dict(nodes))
        return self.failures

    def lose_everything(self) -> None:
        """Replace the head node by a new one; everything that ran is gone."""
        self.attempts.clear()
        self.cluster = f"session-{next(self._generations)}"

    def train(self, server: Server, *, steps: int = 1) -> None:
        """Let every live attempt make some steps, and report."""
        for attempt in list(self.attempts.values()):
            if attempt.is_alive:
                self._train(server, attempt, steps)

    def fail(self, job: str, error: str, failure: str) -> None:
        """Let the attempt of a job end with an error."""
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
        secret = attempt.request.secret
        try:
            if not attempt.job:
                self._start(server, attempt)
            if attempt.last is None:
                self._make_steps(attempt, steps)
            if attempt.is_silent:
                return
            is_stale = self.fences.get(attempt.job, 0) > attempt.number
            report = Report(
                is_training=attempt.step > 0,
                step=attempt.step,
                num_steps=attempt.num_steps,
                saved_step=self.saved.get(attempt.job),
                placement=attempt.placement,
                draining=attempt.draining,
                used=attempt.used,
                **self._measured(attempt),
                progress={"loss": 1.0 / (1 + attempt.step)},
                exit=None if is_stale else attempt.last,
            )
            instructions = server.report(secret, report)
        except UnavailableError:
            return  # it continues, and reports later
        except ServerError:
            attempt.is_alive = False  # stale or unknown: it ends
            return
        if attempt.last is not None:
            attempt.is_alive = False
        if not attempt.ignores_stop:
            self._follow(attempt, instructions.stop, instructions.placement)

    def _start(self, server: Server, attempt: FakeAttempt) -> None:
        config = server.attempt_config(attempt.request.secret)
        attempt.job, attempt.number = config.job, config.attempt
        attempt.passed = config.passed_rungs
        attempt.rungs = tuple(rung_epoch(attempt.num_steps, part) for part in config.rungs)
        self._take(attempt, config.placement)
        attempt.step = self.saved.get(config.job, 0)
        self.starts.setdefault(config.job, []).append(attempt.step)
        self.fences[config.job] = max(config.attempt, self.fences.get(config.job, 0))

    def _make_steps(self, attempt: FakeAttempt, steps: int) -> None:
        if self.fences.get(attempt.job, 0) > attempt.number:
            return
        [pause, *_] = (*attempt.rungs[attempt.passed :], attempt.num_steps)
        if attempt.stop is None:
            attempt.step = min(max(pause, attempt.step), attempt.step + steps)
        if attempt.step == attempt.num_steps:
            self.saved[attempt.job] = attempt.step
            result = {"status": "finished", "weights_sha256": "ab" * 32}
            attempt.last = Exit(end=AttemptEnd.FINISHED, step=attempt.step, result=result)
        elif attempt.stop is not None or attempt.step == pause:
            self.saved[attempt.job] = attempt.step
            attempt.last = Exit(end=AttemptEnd.STOPPED, step=attempt.step)

    def _measured(self, attempt: FakeAttempt) -> dict[str, Any]:
        """The last evaluation of a job that is measured, and those at its rungs."""
        score, of = self.scores.get(attempt.job), attempt.num_steps
        if score is None or not attempt.step:
            return {}
        rungs = [AtRung(epoch=r, num_epochs=of, value=score) for r in attempt.rungs]
        return {
            "headline": Headline(name="accuracy", format="percent", direction="higher"),
            "split": "validation",
            "metrics": {"accuracy": score},
            "compared": Compared(split="validation", value=score),
            "at_rungs": tuple(rung for rung in rungs if rung.epoch <= attempt.step),
        }

    def _follow(
        self, attempt: FakeAttempt, stop: StopReason | None, placement: dict[str, int]
    ) -> None:
        if stop is not None:
            attempt.stop = stop
        elif placement and placement != attempt.placement:
            self._take(attempt, placement)
            self.saved[attempt.job] = attempt.step

    def _take(self, attempt: FakeAttempt, placement: dict[str, int]) -> None:
        """Take resources; nodes may be gone since the server's snapshot."""
        attempt.placement = dict(placement)
        if not placement.keys() <= {node.id for node in self.nodes}:
            attempt.placement = {}
            error = "a node of the placement is gone"
            attempt.last = Exit(end=AttemptEnd.FAILED, error=error, failure="preemption")

    def _require_reachable(self) -> None:
        if not self.is_reachable:
            raise UnavailableError("the cluster does not respond")


def piece(stream: str, offset: int, text: str) -> Piece:
    """A part of a log, as an attempt sends it."""
    return Piece(stream=stream, offset=offset, text=text)
