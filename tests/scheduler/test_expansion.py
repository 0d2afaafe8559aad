"""Nodes that an autoscaler adds: which jobs wait for them, how many, and when they may leave."""

import math
from dataclasses import replace

import hypothesis.strategies as st
from hypothesis import given, settings

from distnet.scheduler.decide import decide
from distnet.scheduler.explain import explain
from distnet.scheduler.view import Group, Node, Plan, Policy, Start, Team, View
from distnet.spec.selector import Selector
from tests.scheduler.plan_rules import check
from tests.scheduler.test_properties import FEW, candidates, crowded, teams
from tests.scheduler.views import NOW, codes, job, nodes, resized, runs, started, view, waits
from tests.scheduler.virtual_cluster import VirtualCluster


def group(
    name: str, most: int, *, cpus: float = 4, gpus: float = 0, here: int = 0, given_up: bool = False
) -> list[Node]:
    """The nodes of a group: those that are there, and absent ones up to its maximum."""
    return [
        Node(
            f"{name}-{n}" if n < here else f"~{name}-{n}",
            cpus,
            gpus,
            is_draining=given_up and n >= here,
            group=name,
            is_absent=n >= here,
        )
        for n in range(most)
    ]


def expandable(view: View, **of_groups: object) -> View:
    names = sorted({node.group for node in view.nodes if node.group})
    return replace(view, groups=tuple(Group(name, **of_groups) for name in names))  # type: ignore[arg-type]


def planned(*arguments: object, **settings: object) -> Plan:
    found = expandable(view(*arguments, **settings))  # type: ignore[arg-type]
    plan = decide(found)
    check(found, plan)
    return plan


def test_a_job_waits_for_the_nodes_that_it_needs_and_no_more() -> None:
    plan = planned(group("cpu", 8, here=1), [job(1, 10)])
    assert (plan.new_nodes, plan.nodes) == ({"cpu": 2}, {"cpu": 3})
    assert waits(plan)[1] == (
        1,
        "adding-nodes",
        "waiting for 2 more nodes of group cpu (1 of at most 8 is there)",
        (),
    )


def test_it_says_since_when_they_are_being_added_and_what_ray_says() -> None:
    queued = view(group("cpu", 8, here=3), [job(1, 20)])
    adding = expandable(queued, adding_since=NOW - 40, reason="no capacity in eu-west-1a")
    assert waits(decide(adding))[1].reason == (
        "waiting for 2 more nodes of group cpu (being added since 40 s; 3 of at most 8 are there; "
        "Ray: no capacity in eu-west-1a)"
    )


def test_a_job_that_fits_now_has_nothing_added() -> None:
    plan = planned(group("cpu", 8, here=1), [job(1, 4)])
    assert started(plan) == {1: {"cpu-0": 4}}
    assert (plan.new_nodes, plan.nodes) == ({}, {"cpu": 1})


def test_an_idle_cluster_keeps_no_nodes() -> None:
    plan = planned(group("cpu", 8, here=3), [])
    assert (plan.new_nodes, plan.nodes) == ({}, {})


def test_nodes_in_use_are_kept() -> None:
    plan = planned(group("cpu", 8, here=3), [], [runs(job(1, 2), {"cpu-1": 2})])
    assert (plan.new_nodes, plan.nodes) == ({}, {"cpu": 1})


def test_a_job_above_the_maximum_never_fits() -> None:
    plan = planned(group("cpu", 2), [job(1, 9)])
    assert codes(plan) == {1: "never-fits"}
    found = "with all nodes that can be added, the cluster has capacity for 8"
    assert found in waits(plan)[1].reason
    assert (plan.new_nodes, plan.nodes) == ({}, {})


def test_new_nodes_are_of_the_group_that_fits_best() -> None:
    many = [*group("large", 4, cpus=16), *group("small", 4, cpus=4), *group("gpu", 4, gpus=2)]
    assert planned(many, [job(1, 3)]).new_nodes == {"small": 1}
    assert planned(many, [job(1, 16)]).new_nodes == {"large": 1}
    assert planned(many, [job(1, 20)]).new_nodes == {"large": 2}
    assert planned(many, [job(1, 6)]).new_nodes == {"small": 2}
    assert planned(many, [job(1, 70)]).new_nodes == {"large": 4, "small": 2}
    assert planned(many, [job(1, 3, gpus=1)]).new_nodes == {"gpu": 2}


def test_several_jobs_share_a_new_node() -> None:
    plan = planned(group("cpu", 8), [job(1, 2), job(2, 2), job(3, 1)])
    assert plan.new_nodes == {"cpu": 2}
    assert set(codes(plan).values()) == {"adding-nodes"}


def test_nodes_that_others_use_or_that_drain_are_not_taken_for_new_ones() -> None:
    here = group("cpu", 8, here=3)
    here[0] = replace(here[0], cpus=1.0)
    here[1] = replace(here[1], is_draining=True)
    plan = planned(here, [job(1, 8)])
    assert (plan.new_nodes, plan.nodes) == ({"cpu": 1}, {"cpu": 4})


def test_a_node_is_added_rather_than_a_job_preempted() -> None:
    low = runs(job(1, 4, priority=-5), {"cpu-0": 4})
    plan = planned(group("cpu", 2, here=1), [job(2, 4)], [low])
    assert (plan.decisions, plan.new_nodes) == ((), {"cpu": 1})
    plan = planned(group("cpu", 1, here=1), [job(2, 4)], [low])
    assert [decision.job for decision in plan.decisions] == [1]


def test_a_team_gets_no_nodes_above_its_limit() -> None:
    limited = Team("vision", limit_cpus=4)
    plan = planned(group("cpu", 8), [job(1, 4), job(2, 4)], teams=[limited])
    assert plan.new_nodes == {"cpu": 1}
    assert codes(plan)[2] == "quota"


def test_the_last_nodes_are_not_taken_from_the_first_that_waits() -> None:
    """It needs all of them, and one is in use: jobs behind it would starve it."""
    busy = runs(job(1, 1), {"cpu-0": 1})
    plan = planned(group("cpu", 3, here=1), [job(2, 12, age_s=9.0), job(3, 4)], [busy])
    assert codes(plan) == {2: "no-room", 3: "no-room"}
    assert plan.new_nodes == {}
    plan = planned(group("cpu", 3, here=1), [job(2, 12), job(3, 4)])
    assert codes(plan) == {2: "adding-nodes", 3: "behind"}
    assert plan.new_nodes == {"cpu": 2}


def test_an_elastic_job_starts_with_what_is_there_and_has_nodes_added() -> None:
    plan = planned(group("cpu", 4, here=1), [job(1, (2, 12))])
    assert started(plan) == {1: {"cpu-0": 4}}
    assert (plan.new_nodes, plan.nodes) == ({"cpu": 2}, {"cpu": 3})

    here = group("cpu", 4, here=3)
    running = runs(job(1, (2, 12)), {"cpu-0": 4})
    assert resized(planned(here, [], [running])) == {1: 12}
    young = runs(job(1, (2, 12)), {"cpu-0": 4}, for_s=10.0)
    plan = planned(here, [], [young])
    assert (plan.decisions, plan.new_nodes, plan.nodes) == ((), {}, {"cpu": 3})
    assert planned(here, [], [young], policy=Policy(elastic=False)).nodes == {"cpu": 1}
    assert planned(here[:3], [], [young]).nodes == {"cpu": 3}, "all that can come have come"


def test_no_nodes_are_added_for_a_job_that_may_not_grow_onto_them() -> None:
    """While another job waits for a busy node, it does not grow: the nodes would stay idle."""
    elastic = runs(job(1, (1, 3), cpus=4), {"a-0": 1})
    in_b, waiting = Selector(labels=(("zone", "b"),)), job(3, cpus=4)
    waiting = replace(waiting, shape=waiting.shape._replace(selector=in_b))
    busy = runs(job(2, cpus=4, priority=9), {"b-0": 1})
    for here, new_nodes in (1, {}), (3, {}):
        labelled = [replace(node, labels={"zone": "b"}) for node in group("b", 1, here=1)]
        cluster = [*group("a", 3, here=here), *labelled]
        plan = planned(cluster, [waiting], [elastic, busy])
        assert (codes(plan), resized(plan)) == ({3: "no-room"}, {})
        assert (plan.new_nodes, plan.nodes) == (new_nodes, {"a": 1, "b": 1})
    assert planned(group("a", 3, here=1), [], [elastic]).new_nodes == {"a": 2}


def test_a_job_grows_while_another_waits_for_what_is_nominated_to_it() -> None:
    elastic = runs(job(1, (1, 3), cpus=4), {"a-0": 1})
    cluster = [*group("a", 3, here=2), *group("gpu", 2, gpus=1)]
    plan = planned(cluster, [job(2, gpus=1)], [elastic])
    assert (codes(plan), resized(plan)) == ({2: "adding-nodes"}, {1: 2})
    assert plan.new_nodes == {"a": 1, "gpu": 1}


def test_an_elastic_job_that_waits_has_all_its_nodes_added_at_once() -> None:
    plan = planned(group("cpu", 4), [job(1, (2, 12))])
    assert plan.new_nodes == {"cpu": 3}
    assert waits(plan)[1].reason.startswith("waiting for 1 more node of group cpu ")


def test_where_no_nodes_come_other_groups_and_preemption_are_used() -> None:
    dead = group("spot", 4, given_up=True)
    plan = planned([*dead, *group("dear", 4, gpus=1)], [job(1, 4)])
    assert plan.new_nodes == {"dear": 1}

    only = replace(expandable(view(dead, [job(1, 4)])), groups=(Group("spot", problem="no node"),))
    plan = decide(only)
    assert waits(plan)[1].reason == (
        "no node; waiting for capacity for 4 workers with 1 CPU each; none fit now"
    )
    low = runs(job(2, 4, priority=-5), {"n0": 4})
    preempts = planned([*nodes(4), *dead], [job(1, 4)], [low])
    assert [decision.job for decision in preempts.decisions] == [2]


def test_nobody_knows_when_new_nodes_come() -> None:
    found = expandable(view(group("cpu", 4), [job(1, 4)]))
    estimate = explain(found, 1)
    assert (estimate.starts_at, estimate.would_start) == (None, "")


@st.composite
def with_groups(draw: st.DrawFn) -> View:
    """Any state of a cluster of which a part can be added."""
    base = draw(crowded())
    many: list[Node] = []
    for name in ("a", "b")[: draw(st.integers(1, 2))]:
        most = draw(st.integers(1, 4))
        many += group(
            name,
            most,
            cpus=draw(st.sampled_from([2.0, 4.0, 8.0])),
            gpus=draw(st.sampled_from([0.0, 0.0, 2.0])),
            here=draw(st.integers(0, most)),
            given_up=draw(st.integers(0, 4)) == 4,
        )
    return expandable(replace(base, nodes=[*base.nodes, *many]))


@settings(FEW, max_examples=80)
@given(with_groups(), st.randoms(use_true_random=False))
def test_every_plan_of_any_state_keeps_the_rules(view, random):
    plan = decide(view)

    check(view, plan)
    assert decide(replace(view, nodes=random.sample(view.nodes, len(view.nodes)))) == plan


@st.composite
def elastic_clusters(draw: st.DrawFn) -> tuple[VirtualCluster, list[Node]]:
    """A cluster without any node, what it can have, and jobs of which each fits then."""
    most = draw(st.integers(2, 5))
    full = group("cpu", most, cpus=4, gpus=2)
    cluster = VirtualCluster([], draw(teams()), Policy(steady_s=draw(st.sampled_from([0.0, 60.0]))))
    for number in range(1, draw(st.integers(2, 8))):
        one = draw(candidates(number))
        length = draw(st.sampled_from([20.0, 100.0, 300.0]))
        cluster.submit(replace(one, expected_s=length, not_before=0.0, reservation=""))
    return cluster, full


@settings(FEW, max_examples=40)
@given(elastic_clusters())
def test_all_jobs_end_and_all_nodes_are_given_back(drawn):
    """Nodes come one pass after they were requested; those that are not kept leave at once."""
    cluster, full = drawn
    here = 0
    for _ in range(200):
        cluster.nodes = group("cpu", len(full), cpus=4, gpus=2, here=here)
        found = expandable(cluster.view())
        cluster.view = lambda found=found: found  # type: ignore[method-assign]
        plan = cluster.step()
        del cluster.view  # type: ignore[method-assign]
        used = {node for a in cluster.allocations.values() for node in a.placement}
        last = max((int(node.rpartition("-")[2]) + 1 for node in used), default=0)
        wanted = plan.nodes.get("cpu", 0)
        assert wanted <= len(full)
        here = max(last, min(here, wanted) + plan.new_nodes.get("cpu", 0))
        until = cluster.next_event() if not plan.new_nodes else cluster.now + 30.0
        cluster.advance(cluster.now + 50.0 if math.isinf(until) else until)
        if not plan.nodes and not cluster.allocations:
            break
    possible = {wait.job for wait in plan.queue if wait.code not in ("never-fits", "quota")}
    assert not any(isinstance(decision, Start) for decision in plan.decisions)
    assert (possible, plan.nodes, here) == (set(), {}, 0)
