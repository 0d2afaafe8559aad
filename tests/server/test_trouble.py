"""Trouble that the server bears: clusters that refuse, clocks that are set, odd reports."""

import math
import threading
from dataclasses import replace

import pytest

from distnet.protocol.attempt import Exit, Report
from distnet.protocol.errors import ForbiddenError, TooManyError, UnavailableError
from distnet.protocol.states import AttemptEnd, JobState
from distnet.server.settings import Allowance
from distnet.server.views.listing import JobFilter
from tests.server.harness import ADA, BOB, ROOT, Harness, asks

HOUR = 3600.0


@pytest.fixture
def harness(harness_url, tmp_path):
    with Harness(harness_url, tmp_path) as harness:
        yield harness


def the_attempt(harness):
    (attempt,) = harness.cluster.attempts.values()
    return attempt


def test_a_job_that_the_cluster_does_not_take_says_so_and_can_be_cancelled(harness):
    harness.cluster.refuses_starts = True
    harness.submit(asks(workers=4))
    harness.run(3)
    assert "has not accepted it yet: it accepts no jobs now" in harness.job("digits-1").reason
    harness.submit(asks(), user=BOB)

    harness.server.cancel(ADA, "digits-1")
    harness.run(20)
    assert harness.job("digits-1").state is JobState.CANCELLED
    harness.cluster.refuses_starts = False
    harness.run(3)
    assert harness.job("digits-2").state is JobState.RUNNING
    assert harness.job("digits-2").reason == ""


def test_a_job_whose_start_was_not_acknowledged_is_stopped_in_order(harness):
    harness.submit(asks(), steps=1000)
    set_submitted = harness.server.loop.monitor.set_submitted
    harness.server.loop.monitor.set_submitted = lambda *_: None
    harness.run(1)
    harness.server.loop.monitor.set_submitted = set_submitted
    the_attempt(harness).is_silent = True
    harness.server.stop(ADA, "digits-1")
    harness.run(2)
    the_attempt(harness).is_silent = False
    harness.run(5)

    assert harness.job("digits-1").state is JobState.STOPPED
    assert not harness.cluster.attempts


@pytest.mark.parametrize("by", [-HOUR, HOUR])
def test_a_clock_that_is_set_hides_nothing(harness, by):
    harness.submit(asks(), asks(workers=4), steps=10_000)
    harness.run(3)
    harness.clock.set_(by)
    first = harness.job("digits-1")
    harness.cluster.nodes = tuple(
        replace(node, cpus=4.0) if node.id == "node-b" else node for node in harness.cluster.nodes
    )
    harness.run(3)

    assert first.state is harness.job("digits-1").state is JobState.RUNNING
    assert harness.job("digits-2").state is JobState.RUNNING
    assert "clock" in [event.kind for event in harness.server.events(limit=100).events]


@pytest.mark.parametrize("by", [-HOUR, 10 * HOUR])
def test_no_job_has_trained_longer_because_the_clock_was_set(harness, by):
    harness.submit(asks(sets=("queue.max_time=60s",)), steps=10_000)
    harness.run(30)
    harness.clock.set_(by)
    harness.run(20)
    assert harness.job("digits-1").state is JobState.RUNNING
    harness.run(20)
    assert harness.job("digits-1").state is JobState.STOPPED


def test_a_ledger_that_is_lost_while_the_clock_is_set_stops_no_job(harness):
    """As when a laptop wakes up: hours have passed, and its connections are gone."""
    harness.submit(asks(sets=("queue.max_time=60s",)), steps=10_000)
    harness.run(30)
    harness.clock.set_(HOUR)
    harness.lose_ledger()
    with pytest.raises(UnavailableError):
        harness.run(1)
    harness.run(20)
    assert harness.job("digits-1").state is JobState.RUNNING
    harness.run(20)
    assert harness.job("digits-1").state is JobState.STOPPED


def test_a_server_started_with_a_clock_that_is_slower_still_finds_what_is_lost(harness):
    harness.submit(asks(), steps=1000)
    harness.run(20)  # saved by then
    harness.clock.now -= HOUR
    harness.restart()
    the_attempt(harness).is_alive = False
    harness.run(100)

    assert harness.job("digits-1").num_attempts == 2


def test_nothing_is_started_by_a_stale_snapshot(harness):
    harness.run(1)
    actions = harness.server.loop.actions
    run, actions.run_snapshot = actions.run_snapshot, lambda _: None
    harness.run(30)
    harness.submit(asks())
    harness.run(5)
    assert harness.job("digits-1").state is JobState.WAITING

    actions.run_snapshot = run
    actions._running.clear()
    harness.run(2)
    assert harness.job("digits-1").state is JobState.RUNNING


@pytest.mark.parametrize(
    "odd",
    [
        {"progress": {"step": 1.5, "num_steps": 0.5} | {f"odd-{n}": 1.0 for n in range(90)}},
        {"progress": {"loss": 1e150, "seconds_per_step": -1e150}},
        {"placement": {"node-a": 10**9, "node-b": 10**9}},
        {"placement": {"": 1}},
        {"placement": {"node-a": 0}},
        {"draining": ("node-9", "node-10")},
        {"step": 10**15, "num_steps": 1},
    ],
)
def test_odd_reports_of_one_attempt_harm_no_other(harness, odd):
    harness.submit(asks())
    harness.run(2)
    attempt = the_attempt(harness)
    attempt.is_silent = True
    harness.server.report(attempt.request.secret, Report(is_training=True, **odd))
    harness.submit(asks(workers=3), user=BOB)
    harness.run(3)

    first, second = harness.all_jobs()
    assert (first.workers, second.state) == (1, JobState.RUNNING)
    assert not any(node.is_draining for node in harness.server.cluster().nodes)
    assert len(harness.server.mirror.jobs["digits-1"].progress) < 10


def test_odd_results_are_left_out_of_the_lists(harness):
    harness.submit(asks())
    harness.run(2)
    said = Exit(end=AttemptEnd.FAILED, error="it broke", result={"error": 5, "failure": ["x"]})
    secret = the_attempt(harness).request.secret
    harness.server.report(secret, Report(is_training=True, exit=said))

    (job,) = harness.server.jobs(JobFilter(state=JobState.FAILED)).jobs
    assert (job.error, job.failure) == (None, None)


def test_a_team_is_used_by_its_members_and_admins(harness):
    with pytest.raises(ForbiddenError, match="found speech, expected vision"):
        harness.submit(asks(team="speech"))
    with pytest.raises(ForbiddenError, match="found speech, expected vision"):
        harness.submit(asks(sets=("queue.team=speech",)))
    (own,) = harness.submit(asks(team="vision"))
    (for_others,) = harness.submit(asks(team="speech"), user=ROOT)
    assert (own.team, for_others.team) == ("vision", "speech")


def test_users_give_no_higher_priority_than_they_may(harness):
    harness.server.settings = replace(harness.settings, allowance=Allowance(priority=10))
    harness.submit(asks(priority=10))
    with pytest.raises(ForbiddenError, match="found 11, expected at most 10"):
        harness.submit(asks(priority=11))
    with pytest.raises(ForbiddenError, match="found 11, expected at most 10"):
        harness.server.set_priority(ADA, "digits-1", 11)
    assert harness.server.set_priority(ROOT, "digits-1", 11).priority == 11


@pytest.mark.parametrize(
    ("longest_s", "max_time", "refused"),
    [
        (math.inf, None, ""),
        (HOUR, "1h", ""),
        (HOUR, None, r"max_time of at most 60 min \(found no max_time\)"),
        (HOUR, "61m", r"max_time of at most 60 min \(found a 61 min max_time\)"),
        (0.0, "1s", "expected true: only an admin can submit a job that cannot be preempted"),
    ],
)
def test_who_submits_jobs_that_cannot_be_preempted(harness, longest_s, max_time, refused):
    allowance = Allowance(not_preemptible_s=longest_s)
    harness.server.settings = replace(harness.settings, allowance=allowance)
    times = () if max_time is None else (f"queue.max_time={max_time}",)
    request = asks(sets=("queue.preemptible=false", *times))

    harness.submit(request, user=ROOT)
    if refused:
        with pytest.raises(ForbiddenError, match=f"queue.preemptible: found false.*{refused}"):
            harness.submit(request)
    else:
        harness.submit(request)


def test_a_job_keeps_its_nodes_for_a_limited_time_after_a_stop(harness):
    longer = asks(sets=("queue.grace=61m",))

    harness.submit(asks(sets=("queue.grace=1h",)))
    harness.submit(longer, user=ROOT)
    with pytest.raises(ForbiddenError, match="queue.grace: found 61 min, expected at most 60 min"):
        harness.submit(longer)


def test_the_jobs_of_one_submit_are_limited(harness):
    sweeps = [asks(sweep=("train.seed=1..6000",)) for _ in range(2)]
    with pytest.raises(TooManyError, match=r"12,000 jobs .* at most 10,000"):
        harness.submit(*sweeps)


def test_long_work_does_not_hold_the_lock(harness, monkeypatch):
    """Job files are read, and waiting is explained, while others use the server."""
    found = []

    def is_free(*_: object) -> None:
        def look() -> None:
            found.append(harness.server.mirror.lock.acquire(timeout=5))
            harness.server.mirror.lock.release()

        thread = threading.Thread(target=look)
        thread.start()
        thread.join()

    def checked(function):
        def call(*args: object) -> object:
            is_free()
            return function(*args)

        return call

    from distnet.server.jobs import draft
    from distnet.server.views import explainer

    monkeypatch.setattr(draft, "parse_job_file", checked(draft.parse_job_file))
    monkeypatch.setattr(explainer, "explain", checked(explainer.explain))
    harness.submit(asks(workers=4), asks(workers=4))
    harness.run(2)
    assert harness.server.why("digits-2").starts_at is None
    assert found == [True, True, True]
