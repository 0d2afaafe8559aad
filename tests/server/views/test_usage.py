"""Accounting: every second of every worker counts once, whatever happens to a job."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from distnet.protocol.errors import ForbiddenError, InvalidError, UnavailableError
from distnet.protocol.usage import JobUse, UsageResponse, Used
from distnet.server.ledger import allocations
from distnet.server.views.usage import UsageFilter
from tests.server.harness import ADA, BOB, ROOT, Harness, asks

MONTH_END = datetime(2027, 2, 1, tzinfo=UTC).timestamp()


BOTH = ["sqlite", pytest.param("postgresql", marks=pytest.mark.check)]


@pytest.fixture(params=BOTH)
def harness(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Harness]:
    url = f"sqlite:///{tmp_path}/ledger.db"
    if request.param == "postgresql":
        url = request.getfixturevalue("postgresql_url")
    with Harness(url, tmp_path) as harness:
        yield harness


def hours(harness: Harness, **wanted: Any) -> UsageResponse:
    return harness.server.usage(ROOT, UsageFilter(**{"since": 0.0, **wanted}))


def use(harness: Harness, job: str) -> JobUse:
    found = harness.server.details(job).use
    assert found is not None
    return found


def report_used(harness: Harness, **used: Any) -> None:
    for attempt in harness.cluster.attempts.values():
        if attempt.is_alive:
            attempt.used = Used(**used)


def run_until(harness: Harness, job: str, state: str) -> None:
    for _ in range(100):
        if harness.job(job).state == state:
            return
        harness.run(1)
    raise AssertionError(f"{job} is {harness.job(job).state}, expected {state}")


@pytest.mark.check
def test_hours_are_counted_from_the_start_of_an_attempt_to_its_end(harness: Harness) -> None:
    harness.submit(asks(workers=2), steps=5)
    harness.run_until_all_ended(every_s=100.0)
    [job] = harness.all_jobs()
    [attempt] = harness.server.details(job.name).attempts
    harness.clock.pass_(1000)

    assert attempt.ended_at is not None
    held_s = attempt.ended_at - attempt.created_at
    assert held_s > 100
    assert hours(harness).total.cpu_s == pytest.approx(2 * held_s)
    assert hours(harness).total.num_jobs == 1


def test_a_resize_counts_each_size_for_its_own_time(harness: Harness) -> None:
    harness.submit(asks(workers=2), steps=1000)
    harness.run(3)
    [job] = harness.open_jobs()
    harness.run(7, every_s=10.0)
    harness.server.resize(ADA, job.name, 4)
    harness.run(10, every_s=10.0)
    harness.server.resize(ADA, job.name, 1)
    harness.run(10, every_s=10.0)
    now = harness.clock()

    with harness.ledger.reading() as tx:
        held = allocations.allocations_of(tx, [job.name])
    sizes = [one.workers for one in held]
    assert sizes == [2, 4, 1]
    assert [one.ended_at for one in held[:-1]] == [one.began_at for one in held[1:]]
    assert held[-1].ended_at is None
    expected = sum(one.workers * ((one.ended_at or now) - one.began_at) for one in held)
    assert hours(harness).total.cpu_s == pytest.approx(expected)


def test_a_server_that_was_killed_counts_on(harness: Harness) -> None:
    harness.submit(asks(workers=2), steps=1000)
    harness.run(2)
    began = harness.clock()
    before = hours(harness).total.cpu_s
    harness.clock.pass_(500)
    harness.restart()
    harness.run(1)

    passed = harness.clock() - began
    assert hours(harness).total.cpu_s == pytest.approx(before + 2 * passed)


@pytest.mark.check
def test_a_lost_connection_counts_nothing_twice(harness: Harness) -> None:
    harness.submit(asks(workers=2), steps=1000)
    harness.run(3)
    [job] = harness.open_jobs()
    harness.server.cancel(ADA, job.name)
    harness.lose_ledger(is_done=True)
    with suppress(UnavailableError):
        harness.run(1)
    harness.run_until_all_ended()

    with harness.ledger.reading() as tx:
        [held] = allocations.allocations_of(tx, [job.name])
    assert held.ended_at == harness.server.details(job.name).attempts[0].ended_at


def test_a_clock_that_was_set_adds_no_hours(harness: Harness) -> None:
    harness.submit(asks(workers=2), steps=1000)
    harness.run(3)
    before, began = hours(harness).total.cpu_s, harness.clock()

    harness.clock.set_(3600.0)
    harness.run(2)

    passed = harness.clock() - began - 3600.0
    assert hours(harness).total.cpu_s == pytest.approx(before + 2 * passed)


def test_hours_are_summed_by_user_team_month_and_job(harness: Harness) -> None:
    harness.clock.now = MONTH_END - 1000.0
    harness.submit(asks(workers=2), user=ADA, steps=20)
    harness.submit(asks(workers=1), user=BOB, steps=20)
    harness.run_until_all_ended(every_s=100.0)

    by_user = hours(harness, by=("user",)).rows
    assert [row.user for row in by_user] == ["ada", "bob"]
    assert by_user[0].cpu_s == pytest.approx(2 * by_user[1].cpu_s)
    assert [row.team for row in hours(harness, by=("team",)).rows] == ["vision", "speech"]
    assert [row.job for row in hours(harness, by=("job",)).rows] == ["digits-1", "digits-2"]
    by_month = hours(harness, by=("month",), since=MONTH_END - 1e6).rows
    assert [row.month for row in by_month] == ["2027-01", "2027-02"]
    assert sum(row.cpu_s for row in by_month) == pytest.approx(hours(harness).total.cpu_s)
    both = hours(harness, by=("month", "user"), since=MONTH_END - 1e6).rows
    assert [(row.month, row.user) for row in both] == [
        ("2027-01", "ada"),
        ("2027-01", "bob"),
        ("2027-02", "ada"),
        ("2027-02", "bob"),
    ]


@pytest.mark.check
def test_a_part_of_the_time_counts_only_what_was_held_in_it(harness: Harness) -> None:
    harness.submit(asks(workers=2), steps=1000)
    harness.run(3)
    began = harness.clock()
    harness.run(10, every_s=10.0)

    found = hours(harness, since=began, until=began + 30.0)

    assert found.total.cpu_s == pytest.approx(60.0)
    assert hours(harness, since=1.0, until=2.0).rows == ()
    with pytest.raises(InvalidError, match="expected a time before"):
        hours(harness, since=2.0, until=1.0)


def test_hours_are_summed_while_others_use_the_server(
    harness: Harness, monkeypatch: pytest.MonkeyPatch
) -> None:
    harness.submit(asks(workers=2), steps=1000)
    harness.run(3)
    sum_hours, found = allocations.sum_hours, []

    def sum_meanwhile(*arguments: Any, **filters: Any) -> Any:
        lock = harness.server.mirror.lock
        with ThreadPoolExecutor(1) as other:
            found.append(other.submit(lock.acquire, blocking=False).result())
            if found[-1]:
                other.submit(lock.release).result()
        return sum_hours(*arguments, **filters)

    monkeypatch.setattr(allocations, "sum_hours", sum_meanwhile)
    [row] = hours(harness, by=("job",)).rows

    assert found == [True, True]
    assert row.use == use(harness, "digits-1")


def test_what_is_refused_sums_nothing(harness: Harness, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(allocations, "sum_hours", None)

    with pytest.raises(InvalidError, match="found more than 120 months"):
        hours(harness, by=("month",), until=harness.clock())


def test_a_job_that_runs_has_no_hours_in_the_future(harness: Harness) -> None:
    harness.submit(asks(workers=2), steps=1000)
    harness.run(3, every_s=100.0)
    month_s = 31 * 86_400.0
    until = harness.clock() + 5 * month_s

    total = hours(harness, until=until).total
    months = hours(harness, by=("month",), since=harness.clock() - month_s, until=until).rows
    ahead = hours(harness, since=until - month_s, until=until)

    assert total == hours(harness).total
    assert sum(row.cpu_s for row in months) == pytest.approx(total.cpu_s)
    assert (ahead.rows, ahead.total.cpu_s, ahead.total.num_jobs) == ((), 0.0, 0)


@pytest.mark.check
def test_rows_beyond_the_limit_count_in_the_total(harness: Harness) -> None:
    harness.submit(asks(), asks(), asks(), steps=2)
    harness.run_until_all_ended()

    found = hours(harness, by=("job",), limit=2)

    assert (len(found.rows), found.num_left_out, found.total.num_jobs) == (2, 1, 3)
    assert found.total.cpu_s > sum(row.cpu_s for row in found.rows)


def test_users_see_their_own_hours_only(harness: Harness) -> None:
    harness.submit(asks(), user=ADA, steps=2)
    harness.submit(asks(), user=BOB, steps=2)
    harness.run_until_all_ended()

    own = harness.server.usage(ADA, UsageFilter(since=0.0))

    assert [row.user for row in own.rows] == ["ada"]
    assert own.total.num_jobs == 1
    with pytest.raises(ForbiddenError, match="only an admin can see the usage of others"):
        harness.server.usage(ADA, UsageFilter(since=0.0, user="bob"))
    assert [row.user for row in hours(harness, user="bob").rows] == ["bob"]


def test_efficiency_is_what_was_used_of_what_was_given(harness: Harness) -> None:
    harness.submit(asks(workers=2), steps=1000)
    harness.run(5, every_s=100.0)
    report_used(harness, cpu_s=250.0, peak_bytes=3_000_000_000, node_bytes=12_000_000_000)
    harness.run(1, every_s=100.0)
    [job] = harness.open_jobs()

    found = use(harness, job.name)

    assert found.cpu_efficiency == pytest.approx(250.0 / found.cpu_s)
    assert (found.peak_bytes, found.node_bytes) == (3_000_000_000, 12_000_000_000)
    assert (found.gpu_used_s, found.gpu_efficiency) == (None, None)
    [row] = hours(harness, by=("job",)).rows
    assert row.use == found


def test_waiting_and_recomputed_steps_are_those_of_all_attempts(harness: Harness) -> None:
    harness.submit(asks(workers=4), steps=1000)
    harness.run(4, every_s=100.0)
    harness.submit(asks(workers=4, name="second"), steps=8)
    harness.run(3, every_s=100.0)
    harness.server.cancel(ADA, "digits-1")
    run_until(harness, "second", "running")
    report_used(harness, cpu_s=1.0, first_step=0, num_steps=3)
    harness.fail("second", "node lost", "lost_worker")
    run_until(harness, "second", "waiting")
    run_until(harness, "second", "running")
    report_used(harness, cpu_s=1.0, first_step=0, num_steps=8)
    harness.run_until_all_ended()

    found, job = use(harness, "second"), harness.job("second")

    assert (found.num_steps, found.num_recomputed) == (11, 3)
    assert job.ended_at is not None
    attempts = harness.server.details("second").attempts
    held = sum((one.ended_at or 0.0) - one.created_at for one in attempts)
    assert found.waited_s == pytest.approx(job.ended_at - job.submitted_at - held)
    assert found.waited_s > 300


@pytest.mark.check
def test_a_job_that_never_started_was_given_nothing(harness: Harness) -> None:
    harness.submit(asks(hold=True))
    harness.clock.pass_(60)

    found = use(harness, "digits-1")

    assert (found.cpu_s, found.cpu_used_s, found.num_steps) == (0, None, None)
    assert found.waited_s == 60
