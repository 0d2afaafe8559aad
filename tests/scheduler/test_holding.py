"""Which decisions hold, if something else happened while the plan was made."""

from dataclasses import replace

import pytest

from distnet.scheduler.decide import decide
from distnet.scheduler.holding import holding
from distnet.scheduler.view import Decision, Node, ReservedNodes, Resize, Start, Stop, Team, View
from tests.scheduler.views import NOW, job, nodes, runs, view


def held(before: View, **changed: object) -> tuple[Decision, ...]:
    """What holds of the plan for a view, if these parts of it are others now."""
    return holding(decide(before), before, replace(before, **changed))  # type: ignore[arg-type]


def numbers(decisions: tuple[Decision, ...]) -> list[int]:
    return [decision.job for decision in decisions]


def test_everything_holds_if_nothing_changed_but_the_queue_grew():
    before = view(nodes(2, 2), [job(1), job(2, 3)])
    [first, second] = held(before, waiting=[*before.waiting, job(3)])

    assert isinstance(first, Start)
    assert (first.job, second.job) == (1, 2)


def test_jobs_that_were_cancelled_or_changed_do_not_start():
    before = view(nodes(8), [job(1), job(2), job(3), job(4)])
    now = [job(2, priority=-1), job(3, 2), job(4)]

    assert numbers(held(before, waiting=now)) == [4]


@pytest.mark.parametrize(
    "node",
    [
        Node("n0", 2, 0, "node-0", is_draining=True),
        Node("n0", 1.5, 0, "node-0", others_cpus=0.5),
        Node("n0", 2, 0, "node-0", labels={"zone": "b"}),
        None,
    ],
)
def test_nothing_starts_on_nodes_that_offer_less(node):
    before = view(nodes(2, 2), [job(1, 2), job(2, 2)])
    other = before.nodes[1]

    assert numbers(held(before, nodes=[other] if node is None else [node, other])) == [2]


def test_nothing_holds_if_limits_or_reservations_changed():
    before = view(nodes(2), [job(1)])
    reserved = ReservedNodes("r", NOW, NOW + 10, frozenset({"n0"}))

    assert held(before, teams={"vision": Team("vision", limit_cpus=0)}) == ()
    assert held(before, reserved=(reserved,)) == ()


def preempting() -> View:
    """Job 3 needs the capacity of both running jobs."""
    running = [runs(job(1, 2), {"n0": 2}), runs(job(2, 2), {"n1": 2})]
    return view(nodes(2, 2), [job(3, 4, priority=5)], running)


def test_victims_are_spared_if_the_job_that_needs_them_was_cancelled():
    before = preempting()

    assert [type(d) for d in held(before)] == [Stop, Stop]
    assert held(before, waiting=[]) == ()


def test_victim_that_ended_meanwhile_leaves_the_other_one():
    before = preempting()
    assert numbers(held(before, allocations=before.allocations[1:])) == [2]


def test_no_victim_is_stopped_in_vain_if_another_one_may_not_be_any_more():
    before = preempting()
    first, second = before.allocations
    raised = replace(first, job=replace(first.job, priority=9))

    assert held(before, allocations=[raised, second]) == ()
    assert held(before, nodes=before.nodes[1:]) == ()


def test_progress_of_running_jobs_changes_no_decision():
    before = preempting()
    running = [
        replace(a, ends_at=NOW + 5, job=replace(a.job, expected_s=5.0)) for a in before.allocations
    ]
    assert sorted(numbers(held(before, allocations=running))) == [1, 2]


def test_job_grows_only_as_it_was_and_onto_nodes_that_are_still_there():
    grown = runs(job(1, (1, 4)), {"n0": 2})
    before = view(nodes(2, 2), [], [grown])
    [resize] = held(before)

    assert isinstance(resize, Resize)
    assert held(before, nodes=before.nodes[:1]) == ()
    assert held(before, allocations=[replace(grown, is_stopping=True)]) == ()
    drains = replace(before.nodes[0], is_draining=True)
    assert held(before, nodes=[drains, before.nodes[1]]) == ()
