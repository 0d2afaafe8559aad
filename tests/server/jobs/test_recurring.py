"""Jobs by the clock: when they fall due, what is missed, what overlaps; in time made to pass."""

import time
from dataclasses import replace
from datetime import datetime
from zoneinfo import ZoneInfo

import pytest

from distnet.protocol.errors import ConflictError, ForbiddenError, InvalidError, UnavailableError
from distnet.protocol.schedules import ScheduleRequest
from distnet.protocol.states import JobState
from distnet.server.ledger.records import Role
from distnet.server.ledger.schedules import save_schedule
from distnet.server.ledger.users import save_user
from tests.server.harness import ADA, BOB, Harness, asks

BERLIN = ZoneInfo("Europe/Berlin")


@pytest.fixture
def harness(harness_url, tmp_path):
    with Harness(harness_url, tmp_path) as harness:
        yield harness


def add(harness, name="nightly", **more):
    request = more.pop("request", asks())
    return harness.server.add_schedule(ADA, ScheduleRequest(name=name, request=request, **more))


def at(harness, *when, fold=0):
    """Set the clock."""
    harness.clock.now = datetime(*when, tzinfo=BERLIN, fold=fold).timestamp()


def starts(harness):
    """When each job was submitted, as Berlin's clocks had it."""
    return [f"{_berlin(job.submitted_at):%m-%d %H:%M}" for job in harness.all_jobs()]


def _berlin(moment):
    return datetime.fromtimestamp(moment, BERLIN)


def event_texts(harness):
    """What the event log has of schedules."""
    return [event.text for event in harness.server.events().events if event.kind == "schedule"]


@pytest.mark.parametrize("name", ["m", "m" * 63])
def test_each_minute_has_a_job_however_long_the_name(harness, name):
    at(harness, 2026, 5, 1, 12, 0, 30)
    add(harness, name, cron="* * * * *", overlap="allow")
    harness.run(180)
    assert starts(harness) == ["05-01 12:01", "05-01 12:02", "05-01 12:03"]


def test_a_daily_job_runs_once_on_days_on_which_clocks_change(harness):
    at(harness, 2026, 3, 28, 12)
    add(harness, cron="30 2 * * *", tz="Europe/Berlin")
    harness.run(48, every_s=3600, steps=10)
    at(harness, 2026, 10, 24, 12)
    harness.server.pause_schedule(ADA, "nightly", True)
    harness.server.pause_schedule(ADA, "nightly", False)
    before = len(harness.all_jobs())
    harness.run(48 * 6, every_s=600, steps=10)
    days = [start[:5] for start in starts(harness)[before:]]
    assert before == 2
    assert days == ["10-25", "10-26"]


@pytest.mark.parametrize("is_resumed", [False, True])
def test_a_time_that_passed_in_the_repeated_hour_is_due_the_next_day(harness, is_resumed):
    at(harness, 2026, 10, 24 if is_resumed else 25, 2, 10, fold=1)
    add(harness, cron="30 2 * * *", tz="Europe/Berlin")
    if is_resumed:
        harness.server.pause_schedule(ADA, "nightly", True)
        at(harness, 2026, 10, 25, 2, 10, fold=1)
        harness.server.pause_schedule(ADA, "nightly", False)
    harness.run(25, every_s=3600)
    assert starts(harness) == ["10-26 03:10"]


@pytest.mark.parametrize(("missed", "num"), [("skip", 0), ("one", 1), ("all", 5)])
def test_times_that_were_missed(harness, missed, num):
    at(harness, 2026, 5, 1, 12, 0, 30)
    add(harness, cron="0 * * * *", missed=missed, overlap="allow")
    harness.clock.pass_(5 * 3600 + 600)
    harness.restart()
    harness.run(2)
    assert len(harness.all_jobs()) == num


@pytest.mark.parametrize(("missed", "num"), [("one", 1), ("all", 100)])
def test_after_a_year_of_downtime_a_minutely_schedule_continues_without_delay(harness, missed, num):
    at(harness, 2026, 5, 1, 12, 0, 30)
    add(harness, cron="* * * * *", tz="Europe/Berlin", missed=missed, overlap="allow")
    at(harness, 2027, 5, 1, 12, 0, 45)
    took_s = -time.thread_time()
    harness.server.tick()
    took_s += time.thread_time()
    assert len(harness.all_jobs()) == num
    assert f"{_berlin(harness.server.schedules()[0].next_at):%m-%d %H:%M}" == "05-01 12:01"
    assert took_s < 2.0


def test_a_clock_that_was_ahead_for_a_while_delays_no_schedule(harness):
    at(harness, 2026, 5, 1, 12, 0, 30)
    add(harness, cron="0 * * * *", tz="Europe/Berlin", overlap="allow")
    at(harness, 2026, 6, 1, 12, 0, 30)
    harness.run(2)
    at(harness, 2026, 5, 1, 12, 0, 40)
    harness.restart()
    before = len(harness.all_jobs())
    harness.run(19, every_s=600)
    assert starts(harness)[before:] == ["05-01 13:00", "05-01 14:00", "05-01 15:00"]


@pytest.mark.parametrize(
    ("overlap", "states"),
    [
        ("skip", [JobState.RUNNING]),
        ("allow", [JobState.RUNNING, JobState.RUNNING]),
        ("queue", [JobState.RUNNING, JobState.WAITING]),
        ("stop-old", [JobState.STOPPED, JobState.RUNNING]),
    ],
)
def test_a_job_that_still_runs_when_the_next_is_due(harness, overlap, states):
    harness.cluster.num_steps = 10_000
    at(harness, 2026, 5, 1, 12, 0, 30)
    add(harness, cron="* * * * *", overlap=overlap)
    harness.run(105)
    assert [job.state for job in harness.all_jobs()] == states


def test_stop_old_ends_jobs_that_wait_too(harness):
    at(harness, 2026, 5, 1, 12, 0, 30)
    harness.submit(asks(workers=4), user=BOB, steps=10_000)
    add(harness, cron="* * * * *", overlap="stop-old", missed="all")
    harness.run(95)
    harness.clock.pass_(180)
    harness.run(2)
    _, *old, newest = harness.all_jobs()
    assert len(old) == 4
    assert {(job.state, job.reason) for job in old} == {
        (JobState.STOPPED, "schedule nightly has submitted its next job")
    }
    assert newest.state is JobState.WAITING


@pytest.mark.parametrize("overlap", ["skip", "queue", "stop-old"])
@pytest.mark.parametrize(("nth", "is_done"), [(1, False), (1, True), (2, False), (2, True)])
def test_a_ledger_that_is_lost_for_a_moment_costs_no_job(harness, overlap, nth, is_done):
    at(harness, 2026, 5, 1, 1, 59, 55)
    add(harness, cron="0 2 * * *", tz="Europe/Berlin", overlap=overlap)
    harness.run(4)
    harness.lose_ledger(nth, is_done=is_done)
    with pytest.raises(UnavailableError):
        harness.run(1)
    harness.run(5)
    (job,), (schedule,) = harness.all_jobs(), harness.server.schedules()
    assert job.state is JobState.RUNNING
    assert (schedule.num_runs, schedule.last_job) == (1, job.name)
    assert event_texts(harness) == ["schedule nightly added"]


def test_once_at_a_time_and_never_again_after_a_restart(harness):
    add(harness, at=harness.clock() + 60)
    harness.run(59)
    assert harness.all_jobs() == []
    harness.run(5)
    harness.restart()
    harness.run(200)
    assert len(harness.all_jobs()) == 1
    assert harness.server.schedules()[0].next_at is None


def test_a_paused_schedule_submits_nothing_and_makes_up_for_nothing(harness):
    at(harness, 2026, 5, 1, 12, 0, 30)
    add(harness, cron="* * * * *", missed="all", overlap="allow")
    harness.server.pause_schedule(ADA, "nightly", True)
    harness.run(200)
    harness.server.pause_schedule(ADA, "nightly", False)
    harness.run(1)
    assert harness.all_jobs() == []
    harness.run(60)
    assert len(harness.all_jobs()) == 1


@pytest.mark.parametrize("is_paused", [False, True])
@pytest.mark.parametrize(("missed", "num"), [("skip", 0), ("one", 1), ("all", 1)])
def test_once_at_a_time_that_was_missed(harness, is_paused, missed, num):
    add(harness, at=harness.clock() + 60, missed=missed)
    if is_paused:
        harness.server.pause_schedule(ADA, "nightly", True)
        harness.run(30, every_s=100)
        harness.server.pause_schedule(ADA, "nightly", False)
    else:
        harness.clock.pass_(3000)
        harness.restart()
    harness.run(2)
    assert len(harness.all_jobs()) == num
    assert harness.server.schedules()[0].next_at is None
    assert any("skipped, its time has passed" in text for text in event_texts(harness)) == (
        num == 0
    )


def test_a_schedule_that_cannot_be_computed_delays_no_other(harness):
    at(harness, 2026, 5, 1, 12, 0, 30)
    add(harness, name="a-broken-one", cron="* * * * *", overlap="allow")
    add(harness, cron="* * * * *", overlap="allow")
    broken = harness.server.mirror.schedules["a-broken-one"]
    with harness.ledger.transaction() as tx:
        save_schedule(tx, replace(broken, tz="Mars/Phobos"))
    harness.restart()
    harness.run(70)
    assert [job.schedule for job in harness.all_jobs()] == ["nightly"]
    (fault,) = [text for text in event_texts(harness) if "Mars/Phobos" in text]
    assert fault.startswith("schedule a-broken-one: submits nothing until this is fixed")
    with harness.ledger.transaction() as tx:
        save_schedule(tx, broken)
    harness.restart()
    harness.run(2)
    assert [job.schedule for job in harness.all_jobs()] == ["nightly", "a-broken-one"]


def test_a_schedule_that_would_fail_at_night_is_refused_by_day(harness):
    harness.run(1)
    for more, code in (
        ({"cron": "61 * * * *"}, "bad_cron"),
        ({"cron": "0 0 31 2 *"}, "bad_cron"),
        ({"cron": "* * * * *", "tz": "Mars/Phobos"}, "bad_time_zone"),
        ({}, "bad_cron"),
        ({"cron": "* * * * *", "request": asks(sets=("resources.cpus=9",))}, "never_fits"),
        ({"cron": "* * * * *", "request": asks(sets=("train.epoch=9",))}, "bad_job_file"),
    ):
        with pytest.raises(InvalidError) as error:
            add(harness, **more)
        assert error.value.code == code
    assert harness.server.schedules() == []


@pytest.mark.parametrize(
    ("cron", "found"),
    [("0 0 2 * * *", "found 6 fields"), ("0 2 * *", "found 4 fields"), ("@daily", "found 1 field")],
)
def test_cron_has_five_fields(harness, cron, found):
    with pytest.raises(InvalidError, match=f"{found}; expected five fields") as error:
        add(harness, cron=cron)
    assert error.value.code == "bad_cron"


def test_a_job_that_does_not_fit_at_its_time_waits_for_the_machines(harness):
    at(harness, 2026, 5, 1, 1, 59, 55)
    add(harness, cron="0 2 * * *", tz="Europe/Berlin", request=asks(workers=4))
    nodes, harness.cluster.nodes = harness.cluster.nodes, harness.cluster.nodes[:1]
    harness.run(10)
    assert [job.state for job in harness.all_jobs()] == [JobState.WAITING]
    harness.cluster.nodes = nodes
    harness.run(5)
    assert [job.state for job in harness.all_jobs()] == [JobState.RUNNING]


def test_schedules_of_users_who_may_not_submit_any_more_submit_nothing(harness):
    add(harness, at=harness.clock() + 5)
    with harness.ledger.transaction() as tx:
        save_user(tx, replace(ADA, role=Role.VIEWER))
    harness.run(10)
    assert harness.all_jobs() == []
    assert "not submitted: its owner ada is a viewer" in event_texts(harness)[-1]


def test_names_and_owners_of_schedules(harness):
    add(harness, cron="* * * * *")
    with pytest.raises(ConflictError, match="already"):
        add(harness, cron="* * * * *")
    with pytest.raises(ForbiddenError, match="belongs to ada"):
        harness.server.remove_schedule(BOB, "nightly")
    harness.server.remove_schedule(ADA, "nightly")
    harness.restart()
    assert harness.server.schedules() == []
