"""Jobs by the clock: when they fall due, what is missed, what overlaps; in time made to pass."""

import time
from dataclasses import replace
from datetime import datetime
from zoneinfo import ZoneInfo

import pytest

from distnet.server.errors import ConflictError, ForbiddenError, InvalidError, UnavailableError
from distnet.server.ledger.people import save_user
from distnet.server.ledger.schedules import save_schedule
from distnet.server.messages.schedules import ScheduleRequest
from distnet.server.records import Role
from distnet.server.states import JobState
from tests.server.world import ADA, BOB, World, asks

BERLIN = ZoneInfo("Europe/Berlin")


@pytest.fixture
def world(ledger_url, tmp_path):
    with World(ledger_url, tmp_path) as world:
        yield world


def add(world, name="nightly", **more):
    request = more.pop("request", asks())
    return world.server.add_schedule(ADA, ScheduleRequest(name=name, request=request, **more))


def at(world, *when, fold=0):
    """Set the clock."""
    world.clock.now = datetime(*when, tzinfo=BERLIN, fold=fold).timestamp()


def starts(world):
    """When each job was submitted, as Berlin's clocks had it."""
    return [f"{_berlin(job.submitted_at):%m-%d %H:%M}" for job in world.all_jobs()]


def _berlin(moment):
    return datetime.fromtimestamp(moment, BERLIN)


def told(world):
    """What the event log has of schedules."""
    return [event.text for event in world.server.events().events if event.kind == "schedule"]


@pytest.mark.parametrize("name", ["m", "m" * 63])
def test_each_minute_has_a_job_however_long_the_name(world, name):
    at(world, 2026, 5, 1, 12, 0, 30)
    add(world, name, cron="* * * * *", overlap="allow")
    world.run(180)
    assert starts(world) == ["05-01 12:01", "05-01 12:02", "05-01 12:03"]


def test_a_daily_job_runs_once_on_days_on_which_clocks_change(world):
    at(world, 2026, 3, 28, 12)
    add(world, cron="30 2 * * *", tz="Europe/Berlin")
    world.run(48, every_s=3600, steps=10)
    at(world, 2026, 10, 24, 12)
    world.server.pause_schedule(ADA, "nightly", True)
    world.server.pause_schedule(ADA, "nightly", False)
    before = len(world.all_jobs())
    world.run(48 * 6, every_s=600, steps=10)
    days = [start[:5] for start in starts(world)[before:]]
    assert before == 2
    assert days == ["10-25", "10-26"]


@pytest.mark.parametrize("is_resumed", [False, True])
def test_what_has_passed_in_the_hour_that_comes_twice_comes_the_next_day(world, is_resumed):
    at(world, 2026, 10, 24 if is_resumed else 25, 2, 10, fold=1)
    add(world, cron="30 2 * * *", tz="Europe/Berlin")
    if is_resumed:
        world.server.pause_schedule(ADA, "nightly", True)
        at(world, 2026, 10, 25, 2, 10, fold=1)
        world.server.pause_schedule(ADA, "nightly", False)
    world.run(25, every_s=3600)
    assert starts(world) == ["10-26 03:10"]


@pytest.mark.parametrize(("missed", "num"), [("skip", 0), ("one", 1), ("all", 5)])
def test_times_that_were_missed(world, missed, num):
    at(world, 2026, 5, 1, 12, 0, 30)
    add(world, cron="0 * * * *", missed=missed, overlap="allow")
    world.clock.pass_(5 * 3600 + 600)
    world.restart()
    world.run(2)
    assert len(world.all_jobs()) == num


@pytest.mark.parametrize(("missed", "num"), [("one", 1), ("all", 100)])
def test_after_a_year_of_downtime_a_minutely_schedule_goes_on_without_delay(world, missed, num):
    at(world, 2026, 5, 1, 12, 0, 30)
    add(world, cron="* * * * *", tz="Europe/Berlin", missed=missed, overlap="allow")
    at(world, 2027, 5, 1, 12, 0, 45)
    took_s = -time.thread_time()
    world.server.tick()
    took_s += time.thread_time()
    assert len(world.all_jobs()) == num
    assert f"{_berlin(world.server.schedules()[0].next_at):%m-%d %H:%M}" == "05-01 12:01"
    assert took_s < 2.0


def test_a_clock_that_was_ahead_for_a_while_holds_up_no_schedule(world):
    at(world, 2026, 5, 1, 12, 0, 30)
    add(world, cron="0 * * * *", tz="Europe/Berlin", overlap="allow")
    at(world, 2026, 6, 1, 12, 0, 30)
    world.run(2)
    at(world, 2026, 5, 1, 12, 0, 40)
    world.restart()
    before = len(world.all_jobs())
    world.run(19, every_s=600)
    assert starts(world)[before:] == ["05-01 13:00", "05-01 14:00", "05-01 15:00"]


@pytest.mark.parametrize(
    ("overlap", "states"),
    [
        ("skip", [JobState.RUNNING]),
        ("allow", [JobState.RUNNING, JobState.RUNNING]),
        ("queue", [JobState.RUNNING, JobState.WAITING]),
        ("stop-old", [JobState.STOPPED, JobState.RUNNING]),
    ],
)
def test_a_job_that_still_runs_when_the_next_is_due(world, overlap, states):
    world.cluster.num_steps = 10_000
    at(world, 2026, 5, 1, 12, 0, 30)
    add(world, cron="* * * * *", overlap=overlap)
    world.run(105)
    assert [job.state for job in world.all_jobs()] == states


def test_stop_old_ends_jobs_that_wait_too(world):
    at(world, 2026, 5, 1, 12, 0, 30)
    world.submit(asks(workers=4), user=BOB, steps=10_000)
    add(world, cron="* * * * *", overlap="stop-old", missed="all")
    world.run(95)
    world.clock.pass_(180)
    world.run(2)
    _, *old, newest = world.all_jobs()
    assert len(old) == 4
    assert {(job.state, job.reason) for job in old} == {
        (JobState.STOPPED, "the schedule nightly has submitted its next job")
    }
    assert newest.state is JobState.WAITING


@pytest.mark.parametrize("overlap", ["skip", "queue", "stop-old"])
@pytest.mark.parametrize(("nth", "is_done"), [(1, False), (1, True), (2, False), (2, True)])
def test_a_ledger_that_is_lost_for_a_moment_costs_no_job(world, overlap, nth, is_done):
    at(world, 2026, 5, 1, 1, 59, 55)
    add(world, cron="0 2 * * *", tz="Europe/Berlin", overlap=overlap)
    world.run(4)
    world.lose_ledger(nth, is_done=is_done)
    with pytest.raises(UnavailableError):
        world.run(1)
    world.run(5)
    (job,), (schedule,) = world.all_jobs(), world.server.schedules()
    assert job.state is JobState.RUNNING
    assert (schedule.num_runs, schedule.last_job) == (1, job.name)
    assert told(world) == ["schedule nightly added"]


def test_once_at_a_time_and_never_again_after_a_restart(world):
    add(world, at=world.clock() + 60)
    world.run(59)
    assert world.all_jobs() == []
    world.run(5)
    world.restart()
    world.run(200)
    assert len(world.all_jobs()) == 1
    assert world.server.schedules()[0].next_at is None


def test_a_paused_schedule_submits_nothing_and_makes_up_for_nothing(world):
    at(world, 2026, 5, 1, 12, 0, 30)
    add(world, cron="* * * * *", missed="all", overlap="allow")
    world.server.pause_schedule(ADA, "nightly", True)
    world.run(200)
    world.server.pause_schedule(ADA, "nightly", False)
    world.run(1)
    assert world.all_jobs() == []
    world.run(60)
    assert len(world.all_jobs()) == 1


@pytest.mark.parametrize("is_paused", [False, True])
@pytest.mark.parametrize(("missed", "num"), [("skip", 0), ("one", 1), ("all", 1)])
def test_once_at_a_time_that_was_missed(world, is_paused, missed, num):
    add(world, at=world.clock() + 60, missed=missed)
    if is_paused:
        world.server.pause_schedule(ADA, "nightly", True)
        world.run(30, every_s=100)
        world.server.pause_schedule(ADA, "nightly", False)
    else:
        world.clock.pass_(3000)
        world.restart()
    world.run(2)
    assert len(world.all_jobs()) == num
    assert world.server.schedules()[0].next_at is None
    assert any("left out, its time has passed" in text for text in told(world)) == (num == 0)


def test_a_schedule_that_cannot_be_computed_holds_up_nobody(world):
    at(world, 2026, 5, 1, 12, 0, 30)
    add(world, name="a-broken-one", cron="* * * * *", overlap="allow")
    add(world, cron="* * * * *", overlap="allow")
    broken = world.server.book.schedules["a-broken-one"]
    with world.ledger.transaction() as tx:
        save_schedule(tx, replace(broken, tz="Mars/Phobos"))
    world.restart()
    world.run(70)
    assert [job.schedule for job in world.all_jobs()] == ["nightly"]
    (fault,) = [text for text in told(world) if "Mars/Phobos" in text]
    assert fault.startswith("schedule a-broken-one: submits nothing until this is mended")
    with world.ledger.transaction() as tx:
        save_schedule(tx, broken)
    world.restart()
    world.run(2)
    assert [job.schedule for job in world.all_jobs()] == ["nightly", "a-broken-one"]


def test_what_would_fail_at_night_is_refused_by_day(world):
    world.run(1)
    for more, code in (
        ({"cron": "61 * * * *"}, "bad_cron"),
        ({"cron": "0 0 31 2 *"}, "bad_cron"),
        ({"cron": "* * * * *", "tz": "Mars/Phobos"}, "bad_time_zone"),
        ({}, "bad_cron"),
        ({"cron": "* * * * *", "request": asks(sets=("resources.cpus=9",))}, "never_fits"),
        ({"cron": "* * * * *", "request": asks(sets=("train.epoch=9",))}, "bad_job_file"),
    ):
        with pytest.raises(InvalidError) as error:
            add(world, **more)
        assert error.value.code == code
    assert world.server.schedules() == []


@pytest.mark.parametrize(
    ("cron", "found"),
    [("0 0 2 * * *", "found 6 fields"), ("0 2 * *", "found 4 fields"), ("@daily", "found 1 field")],
)
def test_cron_has_five_fields(world, cron, found):
    with pytest.raises(InvalidError, match=f"{found}; expected five fields") as error:
        add(world, cron=cron)
    assert error.value.code == "bad_cron"


def test_a_job_that_does_not_fit_at_its_time_waits_for_the_machines(world):
    at(world, 2026, 5, 1, 1, 59, 55)
    add(world, cron="0 2 * * *", tz="Europe/Berlin", request=asks(workers=4))
    nodes, world.cluster.nodes = world.cluster.nodes, world.cluster.nodes[:1]
    world.run(10)
    assert [job.state for job in world.all_jobs()] == [JobState.WAITING]
    world.cluster.nodes = nodes
    world.run(5)
    assert [job.state for job in world.all_jobs()] == [JobState.RUNNING]


def test_who_may_not_submit_any_more_submits_nothing_by_the_clock_either(world):
    add(world, at=world.clock() + 5)
    with world.ledger.transaction() as tx:
        save_user(tx, replace(ADA, role=Role.VIEWER))
    world.run(10)
    assert world.all_jobs() == []
    assert "not submitted: its owner ada is a viewer" in told(world)[-1]


def test_names_and_owners_of_schedules(world):
    add(world, cron="* * * * *")
    with pytest.raises(ConflictError, match="already"):
        add(world, cron="* * * * *")
    with pytest.raises(ForbiddenError, match="belongs to ada"):
        world.server.remove_schedule(BOB, "nightly")
    world.server.remove_schedule(ADA, "nightly")
    world.restart()
    assert world.server.schedules() == []
