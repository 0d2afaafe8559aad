"""Reservations of nodes: a whole server in this process, a cluster in memory."""

import pytest

from distnet.protocol.errors import ConflictError, ForbiddenError, InvalidError, NotFoundError
from distnet.protocol.reservations import ReservationRequest
from distnet.protocol.states import JobState
from distnet.scheduler.view import Node
from tests.server.harness import ADA, BOB, ROOT, Harness, asks


@pytest.fixture
def harness(harness_url, tmp_path):
    with Harness(harness_url, tmp_path) as harness:
        harness.run(1)
        yield harness


def reserve(harness, name="course", *, begins_in=0.0, lasts=1000.0, **more):
    begins = harness.clock() + begins_in
    facts = {"name": name, "starts_at": begins, "ends_at": begins + lasts, "teams": ("speech",)}
    facts |= {"nodes": ("node-a",)} if "count" not in more else {}
    return harness.server.nodes.reserve(ROOT, ReservationRequest(**facts | more))


def test_at_its_start_jobs_of_others_leave_and_no_step_is_computed_twice(harness):
    reserve(harness, begins_in=70.0)
    harness.submit(asks(workers=4), steps=500)
    harness.run(5)
    assert harness.job("digits-1").state is JobState.RUNNING

    harness.run(75)

    first = harness.server.details("digits-1").attempts[0]
    assert (first.end, first.stop) == ("stopped", "reservation")
    waiting = harness.job("digits-1")
    assert waiting.state is JobState.WAITING
    assert "; node-a is reserved (course)" in waiting.reason
    harness.restart()  # what was reserved stays reserved
    harness.submit(asks(workers=2, reservation="course"), user=BOB)
    harness.run(3)
    assert harness.server.details("digits-2").attempts[0].placement == {"node-a": 2}

    harness.run(300, every_s=5.0, steps=5)
    assert harness.cluster.starts["digits-1"] == [0, first.step]
    assert harness.job("digits-1").state is JobState.FINISHED
    assert harness.server.nodes.reservations() == []


def test_a_cancelled_reservation_frees_its_nodes(harness):
    reserve(harness)
    harness.submit(asks(workers=3))
    harness.submit(asks(workers=1, reservation="course", hold=True), user=BOB)
    harness.run(3)
    assert harness.job("digits-1").state is JobState.WAITING
    assert [one.name for one in harness.server.nodes.reservations()] == ["course"]

    harness.server.nodes.cancel_reservation(ROOT, "course")
    harness.server.release(BOB, "digits-2")
    harness.run(3)

    assert harness.job("digits-1").state is JobState.RUNNING
    assert "has ended or was cancelled" in harness.server.why("digits-2").reason
    log = [e for e in harness.server.events().events if "reserved" in e.kind]
    assert [(e.kind, e.actor, e.text) for e in log] == [
        ("reserved", "root", "course: node-a for team speech"),
        ("unreserved", "root", "reservation course cancelled"),
    ]


def test_the_server_chooses_nodes_with_the_least_work(harness):
    harness.submit(asks(workers=1), steps=1000)
    harness.run(3)
    (busy,) = harness.server.details("digits-1").attempts[0].placement

    made = reserve(harness, count=1, begins_in=50.0)

    assert made.nodes == (("node-b",) if busy == "node-a" else ("node-a",))
    assert not made.is_active
    assert reserve(harness, "next", count=1, begins_in=60.0).nodes == (busy,)
    with pytest.raises(InvalidError, match="found 0 nodes neither drained nor reserved for a part"):
        reserve(harness, "third", count=1, begins_in=900.0)
    assert reserve(harness, "later", count=2, begins_in=2000.0).nodes == ("node-a", "node-b")


def test_what_cannot_be_reserved_is_refused(harness):
    reserve(harness)
    with pytest.raises(ConflictError, match="node-a is reserved for a part of that time"):
        reserve(harness, "other", nodes=("node-b", "node-a"), begins_in=500.0)
    with pytest.raises(ConflictError, match="reservation course exists"):
        reserve(harness, nodes=("node-b",))
    with pytest.raises(NotFoundError, match="no node node-x"):
        reserve(harness, "other", nodes=("node-x",))
    with pytest.raises(InvalidError, match="expected an end after the start"):
        reserve(harness, "other", lasts=-1.0)
    with pytest.raises(InvalidError, match="expected at least one"):
        reserve(harness, "other", teams=(), nodes=("node-b",))
    with pytest.raises(NotFoundError, match="there is no reservation curse; did you mean course"):
        harness.server.nodes.cancel_reservation(ROOT, "curse")
    assert len(harness.server.nodes.reservations()) == 1


def test_jobs_that_can_never_use_a_reservation_are_refused(harness):
    reserve(harness, users=("bob",), teams=())
    for user, request, error in (
        (ADA, asks(reservation="course"), ForbiddenError),
        (BOB, asks(reservation="curse"), NotFoundError),
        (BOB, asks(reservation="course", workers=3), InvalidError),
    ):
        with pytest.raises(error, match="course"):
            harness.submit(request, user=user)
    assert harness.open_jobs() == []


def test_names_of_nodes_outlive_a_restart_of_ray(harness):
    reserve(harness)
    harness.cluster.nodes = (Node("new-a", 2, 0, "node-a"), Node("new-b", 2, 0, "node-b"))
    harness.submit(asks(workers=2))
    harness.run(3)
    assert harness.server.details("digits-1").attempts[0].placement == {"new-b": 2}
