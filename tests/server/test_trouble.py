"""Trouble that the server bears: clusters that refuse, clocks that are set, odd reports."""

import threading
from dataclasses import replace

import pytest

from distnet.server.errors import ForbiddenError, TooManyError, UnavailableError
from distnet.server.listing import Wanted
from distnet.server.messages.attempt import Exit, Report
from distnet.server.scheduler.view import Node
from distnet.server.settings import Allowance
from distnet.server.states import AttemptEnd, JobState
from tests.server.world import ADA, BOB, ROOT, World, asks

HOUR = 3600.0


@pytest.fixture
def world(ledger_url, tmp_path):
    with World(ledger_url, tmp_path) as world:
        yield world


def the_attempt(world):
    (attempt,) = world.cluster.attempts.values()
    return attempt


def test_a_job_that_the_cluster_does_not_take_says_so_and_can_be_cancelled(world):
    world.cluster.refuses_starts = True
    world.submit(asks(workers=4))
    world.run(3)
    assert "has not taken it yet: it does not take jobs" in world.job("digits-1").reason
    world.submit(asks(), user=BOB)

    world.server.cancel(ADA, "digits-1")
    world.run(20)
    assert world.job("digits-1").state is JobState.CANCELLED
    world.cluster.refuses_starts = False
    world.run(3)
    assert world.job("digits-2").state is JobState.RUNNING
    assert world.job("digits-2").reason == ""


def test_a_job_whose_start_was_done_though_nobody_heard_so_is_stopped_in_order(world):
    world.submit(asks(), steps=1000)
    handed = world.server.rounds.watching.handed
    world.server.rounds.watching.handed = lambda *_: None
    world.run(1)
    world.server.rounds.watching.handed = handed
    the_attempt(world).is_mute = True
    world.server.stop(ADA, "digits-1")
    world.run(2)
    the_attempt(world).is_mute = False
    world.run(5)

    assert world.job("digits-1").state is JobState.STOPPED
    assert not world.cluster.attempts


@pytest.mark.parametrize("by", [-HOUR, HOUR])
def test_a_clock_that_is_set_hides_nothing(world, by):
    world.submit(asks(), asks(workers=4), steps=10_000)
    world.run(3)
    world.clock.set_(by)
    first = world.job("digits-1")
    world.cluster.nodes = tuple(
        replace(node, cpus=4.0) if node.id == "node-b" else node for node in world.cluster.nodes
    )
    world.run(3)

    assert first.state is world.job("digits-1").state is JobState.RUNNING
    assert world.job("digits-2").state is JobState.RUNNING
    assert "clock" in [event.kind for event in world.server.events(limit=100).events]


@pytest.mark.parametrize("by", [-HOUR, 10 * HOUR])
def test_nobody_has_trained_longer_because_the_clock_was_set(world, by):
    world.submit(asks(sets=("queue.max_time=60s",)), steps=10_000)
    world.run(30)
    world.clock.set_(by)
    world.run(20)
    assert world.job("digits-1").state is JobState.RUNNING
    world.run(20)
    assert world.job("digits-1").state is JobState.STOPPED


def test_a_ledger_that_is_lost_while_the_clock_is_set_stops_nobody(world):
    """As when a laptop wakes up: hours have passed, and its connections are gone."""
    world.submit(asks(sets=("queue.max_time=60s",)), steps=10_000)
    world.run(30)
    world.clock.set_(HOUR)
    world.lose_ledger()
    with pytest.raises(UnavailableError):
        world.run(1)
    world.run(20)
    assert world.job("digits-1").state is JobState.RUNNING
    world.run(20)
    assert world.job("digits-1").state is JobState.STOPPED


def test_a_server_started_with_a_clock_that_is_slower_still_finds_what_is_lost(world):
    world.submit(asks(), steps=1000)
    world.run(20)  # saved by then
    world.clock.now -= HOUR
    world.restart()
    the_attempt(world).is_alive = False
    world.run(100)

    assert world.job("digits-1").num_attempts == 2


def test_nothing_is_started_by_what_was_seen_long_ago(world):
    world.run(1)
    look, world.server.rounds.run_look = world.server.rounds.run_look, lambda _: None
    world.run(30)
    world.submit(asks())
    world.run(5)
    assert world.job("digits-1").state is JobState.WAITING

    world.server.rounds.run_look = look
    world.server.rounds._on_the_way.clear()
    world.run(2)
    assert world.job("digits-1").state is JobState.RUNNING


@pytest.mark.parametrize(
    "odd",
    [
        {"progress": {"step": 1.5, "num_steps": 0.5} | {f"odd-{n}": 1.0 for n in range(90)}},
        {"progress": {"loss": float("inf"), "seconds_per_step": -1e300}},
        {"placement": {"node-a": 10**9, "node-b": 10**9}},
        {"placement": {"": 1}},
        {"placement": {"node-a": 0}},
        {"draining": ("node-9", "node-10")},
        {"step": 10**15, "num_steps": 1},
    ],
)
def test_odd_reports_of_one_attempt_harm_nobody_else(world, odd):
    world.submit(asks())
    world.run(2)
    attempt = the_attempt(world)
    attempt.is_mute = True
    world.server.report(attempt.order.secret, Report(is_training=True, **odd))
    world.submit(asks(workers=3), user=BOB)
    world.run(3)

    first, second = world.all_jobs()
    assert (first.workers, second.state) == (1, JobState.RUNNING)
    assert not world.server.book.draining
    assert len(world.server.book.jobs["digits-1"].progress) < 10


def test_odd_last_words_are_left_out_of_the_lists(world):
    world.submit(asks())
    world.run(2)
    said = Exit(end=AttemptEnd.FAILED, error="it broke", result={"error": 5, "failure": ["x"]})
    secret = the_attempt(world).order.secret
    world.server.report(secret, Report(is_training=True, exit=said))

    (job,) = world.server.jobs(Wanted(state=JobState.FAILED)).jobs
    assert (job.error, job.failure) == (None, None)


def test_an_attempt_is_believed_where_it_may_be(world):
    """It tells that it was placed elsewhere than planned, within what it was given."""
    world.cluster.nodes = (Node("node-a", 2, 0, "a"), Node("node-b", 2, 0, "b"))
    world.submit(asks(workers=2))
    world.run(2)
    attempt = the_attempt(world)
    attempt.is_mute = True
    world.server.report(
        attempt.order.secret, Report(is_training=True, placement={"node-a": 1, "node-b": 1})
    )

    nodes = {node.id: node.jobs for node in world.server.cluster().nodes}
    assert nodes == {"node-a": {"digits-1": 1}, "node-b": {"digits-1": 1}}


def test_a_team_is_used_by_its_members_and_admins(world):
    with pytest.raises(ForbiddenError, match="found speech, expected vision"):
        world.submit(asks(team="speech"))
    with pytest.raises(ForbiddenError, match="found speech, expected vision"):
        world.submit(asks(sets=("queue.team=speech",)))
    (own,) = world.submit(asks(team="vision"))
    (for_others,) = world.submit(asks(team="speech"), user=ROOT)
    assert (own.team, for_others.team) == ("vision", "speech")


def test_users_give_no_higher_priority_than_they_may(world):
    world.server.settings = replace(world.settings, allowance=Allowance(priority=10))
    world.submit(asks(priority=10))
    with pytest.raises(ForbiddenError, match="found 11, expected at most 10"):
        world.submit(asks(priority=11))
    with pytest.raises(ForbiddenError, match="found 11, expected at most 10"):
        world.server.set_priority(ADA, "digits-1", 11)
    assert world.server.set_priority(ROOT, "digits-1", 11).priority == 11


def test_one_submit_may_ask_for_so_many_jobs(world):
    sweeps = [asks(sweep=("train.seed=1..6000",)) for _ in range(2)]
    with pytest.raises(TooManyError, match=r"12,000 jobs .* at most 10,000"):
        world.submit(*sweeps)


def test_what_takes_long_holds_nobody_up(world, monkeypatch):
    """Job files are read, and waiting is explained, while others use the server."""
    found = []

    def is_free(*_: object) -> None:
        def look() -> None:
            found.append(world.server.book.lock.acquire(timeout=5))
            world.server.book.lock.release()

        thread = threading.Thread(target=look)
        thread.start()
        thread.join()

    def checked(function):
        def call(*args: object) -> object:
            is_free()
            return function(*args)

        return call

    from distnet.server import explaining, submit

    monkeypatch.setattr(submit, "read_request", checked(submit.read_request))
    monkeypatch.setattr(explaining, "explain", checked(explaining.explain))
    world.submit(asks(workers=4), asks(workers=4))
    world.run(2)
    assert world.server.why("digits-2").starts_at is None
    assert found == [True, True, True]
