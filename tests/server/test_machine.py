"""Ledger, scheduler and server under anything that may happen, in any order (Hypothesis)."""

import os
import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
)

from distnet.protocol.errors import ServerError
from distnet.protocol.states import JobState
from distnet.protocol.users import TeamMessage
from distnet.scheduler.decide import decide
from distnet.scheduler.view import Node, Plan, View
from distnet.server.gateway.actions import Action, ActionKind
from distnet.server.ledger import allocations, attempts
from tests.scheduler.plan_rules import check
from tests.server.harness import ADA, BOB, ROOT, Harness, asks

STEPS = int(os.environ.get("DISTNET_MACHINE_STEPS", "60"))
RUNS = int(os.environ.get("DISTNET_MACHINE_RUNS", "12"))
NODES = tuple(Node(f"node-{name}", 2, 0, f"node-{name}") for name in "abc")
LIMIT = 3
TEAMS = {
    "none": (),
    "limited": (TeamMessage(name="speech", limit_cpus=LIMIT),),
    "entitled": (
        TeamMessage(name="speech", quota_cpus=4),
        TeamMessage(name="vision", quota_cpus=2),
    ),
}


class Anything(RuleBasedStateMachine):
    """Users, processes, machines and the server itself do what they like; nothing is lost."""

    def __init__(self) -> None:
        super().__init__()
        self.folder = tempfile.TemporaryDirectory()
        self.acknowledged: set[str] = set()
        self.harness: Harness | None = None

    @initialize(aged=st.booleans(), teams=st.sampled_from(["none", "limited", "entitled"]))
    def begin(self, aged: bool, teams: str) -> None:
        path = Path(self.folder.name)
        policy = {"ageing_s": 60.0} if aged else {}
        self.harness = Harness(f"sqlite:///{path}/ledger.db", path, NODES, **policy)
        self.harness.cluster.num_steps = 8
        for team in TEAMS[teams]:
            self.harness.server.save_team(ROOT, team)
        self.limit = LIMIT if teams == "limited" else 6
        self.harness.run(1)

    def teardown(self) -> None:
        try:
            if self.harness is not None:
                self._calm_down()
                self._hours_have_no_gaps()
        finally:
            if self.harness is not None:
                self.harness.ledger.close()
            self.folder.cleanup()

    @rule(
        workers=st.integers(1, 4),
        priority=st.integers(-2, 2),
        is_bob=st.booleans(),
        is_elastic=st.booleans(),
        after=st.none() | st.tuples(st.integers(0, 50), st.sampled_from(["ok", "any", "failed"])),
        sweep=st.booleans(),
        backoff=st.booleans(),
    )
    def submit(self, workers, priority, is_bob, is_elastic, after, sweep, backoff) -> None:
        names = sorted(self.acknowledged)
        more: dict[str, object] = {"priority": priority}
        if after is not None and names:
            more["after"] = (f"{names[after[0] % len(names)]}:{after[1]}",)
        if sweep:
            more["sweep"] = ("train.seed=1..3",)
        if is_elastic:
            more |= {"workers": None, "sets": (f"resources.workers={{min: 1, max: {workers}}}",)}
        else:
            more["workers"] = workers
        if backoff:
            more["at"] = self.harness.clock() + 5
        try:
            jobs = self.harness.submit(asks(**more), user=BOB if is_bob else ADA)
        except ServerError:
            return
        self.acknowledged |= {job.name for job in jobs}

    @precondition(lambda self: self.acknowledged)
    @rule(
        at=st.integers(0, 1000),
        verb=st.sampled_from(["cancel", "stop", "hold", "release", "retry", "resize", "priority"]),
        number=st.integers(1, 4),
    )
    def control(self, at, verb, number) -> None:
        self._control(at, verb, number)

    @precondition(lambda self: self.acknowledged)
    @rule(
        at=st.integers(0, 1000),
        verb=st.sampled_from(["cancel", "hold", "release", "retry", "resize", "priority"]),
        number=st.integers(1, 4),
        steps=st.integers(0, 4),
        nodes=st.none() | st.sets(st.sampled_from(NODES), min_size=1),
    )
    def control_while_a_plan_is_made(self, at, verb, number, steps, nodes) -> None:
        """Nothing waits for a plan, and the plan does not undo what was done meanwhile."""
        harness, loop = self.harness, self.harness.server.loop

        def meanwhile() -> None:
            self._control(at, verb, number)
            harness.cluster.train(harness.server, steps=steps)
            if nodes is not None:
                self.change_nodes(nodes, False)
                loop.actions.send(Action(ActionKind.SNAPSHOT))

        def planned(view: View) -> Plan:
            plan = decide(view)
            with ThreadPoolExecutor(1) as other:  # a lock that is held would not let it in
                other.submit(meanwhile).result(timeout=60)
            return plan

        loop.decide = planned
        try:
            harness.run(1)
        finally:
            loop.decide = decide

    def _control(self, at, verb, number) -> None:
        names = sorted(self.acknowledged)
        name, server = names[at % len(names)], self.harness.server
        try:
            if verb == "resize":
                server.resize(ROOT, name, number)
            elif verb == "priority":
                server.set_priority(ROOT, name, number)
            else:
                getattr(server, verb)(ROOT, name)
        except ServerError:
            pass

    @rule(rounds=st.integers(1, 5), every_s=st.sampled_from([0.5, 1.0, 20.0]))
    def pass_time(self, rounds, every_s) -> None:
        self.harness.run(rounds, every_s=every_s)

    @rule(
        at=st.integers(0, 1000),
        fault=st.sampled_from(["kill", "mute", "speak", "deafen", "lost_worker", "user_error"]),
    )
    def strike(self, at, fault) -> None:
        processes = list(self.harness.cluster.attempts.values())
        if not processes:
            return
        process = processes[at % len(processes)]
        if fault == "kill":
            process.is_alive = False
        elif fault in ("mute", "speak"):
            process.is_silent = fault == "mute"
        elif fault == "deafen":
            process.ignores_stop = True
        elif process.job:
            self.harness.fail(process.job, "an error", fault)

    @rule(is_reachable=st.booleans())
    def part(self, is_reachable) -> None:
        self.harness.cluster.is_reachable = is_reachable

    @rule(nodes=st.sets(st.sampled_from(NODES), min_size=1), is_drained=st.booleans())
    def change_nodes(self, nodes, is_drained) -> None:
        """Machines go and come; what ran on those that go is gone."""
        cluster = self.harness.cluster
        staying = {node.id for node in nodes}
        for process in cluster.attempts.values():
            if not process.placement.keys() <= staying:
                process.is_alive = False
        cluster.nodes = tuple(sorted(nodes, key=lambda node: node.id))

    @rule()
    def lose_the_head(self) -> None:
        self.harness.cluster.lose_everything()

    @rule()
    def kill_the_server(self) -> None:
        self.harness.restart()

    @invariant()
    def nothing_acknowledged_is_lost(self) -> None:
        if self.harness is not None:
            assert self.acknowledged <= {job.name for job in self.harness.all_jobs()}

    @invariant()
    def no_job_has_two_attempts(self) -> None:
        """Except for one that was given up while it lived, and will learn that it is stale."""
        if self.harness is None:
            return
        newest: dict[str, int] = {}
        for process in self.harness.cluster.attempts.values():
            if process.is_alive and process.job and not process.is_silent:
                assert self.harness.cluster.fences[process.job] >= process.number
                newest[process.job] = max(newest.get(process.job, 0), process.number)
        for name, number in newest.items():
            assert number <= self.harness.job(name).num_attempts

    @invariant()
    def gangs_are_whole_and_nodes_hold_them(self) -> None:
        if self.harness is None:
            return
        mirror = self.harness.server.mirror
        for name, attempt in mirror.attempts.items():
            job, workers = mirror.jobs[name], sum(attempt.placement.values())
            fewest, most = job.shape.min_workers, job.shape.max_workers
            assert min(fewest, job.workers or fewest) <= workers <= max(most, job.workers or most)
            assert job.state.is_live
        assert all(
            job.state.is_live == (name in mirror.attempts) for name, job in mirror.jobs.items()
        )

    @invariant()
    def what_attempts_have_is_counted(self) -> None:
        if self.harness is None:
            return
        mirror = self.harness.server.mirror
        with self.harness.ledger.reading() as tx:
            counted = allocations.open_workers(tx)
        live = mirror.attempts.values()
        has = {(one.job, one.number): sum(one.placement.values()) for one in live}
        assert counted == {key: workers for key, workers in has.items() if workers}

    @invariant()
    def limits_are_kept(self) -> None:
        if self.harness is None:
            return
        mirror = self.harness.server.mirror
        used = sum(
            sum(attempt.placement.values())
            for name, attempt in mirror.attempts.items()
            if mirror.jobs[name].team == "speech"
        )
        assert used <= self.limit

    @invariant()
    def what_is_planned_keeps_the_rules(self) -> None:
        """Room, gangs, limits, quotas, priorities, and who may displace whom."""
        if self.harness is None or self.harness.server.mirror.snapshot is None:
            return
        loop = self.harness.server.loop
        view = loop.views.view(self.harness.clock(), loop.usage.values)
        check(view, decide(view))

    def _hours_have_no_gaps(self) -> None:
        """The allocations of an attempt follow one another, from its start to its end."""
        with self.harness.ledger.reading() as tx:
            for attempt in attempts.attempts_of_jobs(tx, self.acknowledged):
                held = allocations.allocations_of(tx, [attempt.job])
                own = [one for one in held if one.attempt == attempt.number]
                times = [attempt.created_at, *(one.ended_at for one in own)]
                assert [one.began_at for one in own] == times[:-1]
                assert times[-1] == attempt.ended_at

    def _calm_down(self) -> None:
        """Once nothing goes wrong any more, everything that may end does."""
        harness = self.harness
        harness.cluster.is_reachable = True
        harness.cluster.nodes = NODES
        for process in harness.cluster.attempts.values():
            process.is_silent = process.ignores_stop = False
        for job in harness.open_jobs():
            if job.state is JobState.HELD:
                harness.server.release(ROOT, job.name)
        for _ in range(40):
            for job in harness.open_jobs():
                if job.state is JobState.HELD:
                    harness.server.release(ROOT, job.name)
            harness.run(30, every_s=4.0, steps=2)
            if not harness.server.mirror.jobs:
                return
        states = [(job.name, job.state, job.code, job.reason) for job in harness.open_jobs()]
        raise AssertionError(f"these never ended: {states}")


Anything.TestCase.settings = settings(
    max_examples=RUNS,
    stateful_step_count=STEPS,
    suppress_health_check=list(HealthCheck),
)
TestAnything = Anything.TestCase
