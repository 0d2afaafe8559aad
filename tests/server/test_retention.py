"""What is removed of jobs that have ended long ago, and what never is."""

import hashlib
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from distnet.protocol.errors import ConflictError
from distnet.protocol.schedules import ScheduleRequest
from distnet.server.ledger import events, streams, texts
from distnet.server.loop.retention import Retention
from distnet.server.views.usage import UsageFilter
from tests.server.harness import ADA, ROOT, Harness, asks

DAY_S = 86_400.0
KEEP_S = 90 * DAY_S


BOTH = ["sqlite", pytest.param("postgresql", marks=pytest.mark.check)]


@pytest.fixture(params=BOTH)
def harness(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Harness]:
    """A server that keeps logs for 90 days."""
    url = f"sqlite:///{tmp_path}/ledger.db"
    if request.param == "postgresql":
        url = request.getfixturevalue("postgresql_url")
    with Harness(url, tmp_path) as harness:
        harness.settings = replace(harness.settings, keep_s=KEEP_S)
        harness.restart()
        yield harness


def finish(harness: Harness, *, log: bytes = b"step 1\n", **more: Any) -> str:
    """Let a job run to its end, with a log; returns its name."""
    [job] = harness.submit(asks(**more), steps=2)
    harness.run(3)
    with harness.ledger.transaction() as tx:
        sent = [streams.Piece(name, 0, log) for name in ("run", "worker-0")]
        streams.append_pieces(tx, job.name, 1, sent)
    harness.run(3)
    assert harness.job(job.name).ended_at is not None
    return job.name


def upload(harness: Harness, data: bytes) -> str:
    sha256 = hashlib.sha256(data).hexdigest()
    harness.server.put_code(sha256, data)
    return sha256


def log(harness: Harness, name: str) -> str:
    return harness.server.stream(name, "run", 0, 10**9).text


def later(harness: Harness, days: float) -> None:
    harness.clock.pass_(days * DAY_S)
    harness.run(2)


def test_logs_and_events_are_removed_after_their_time_and_the_result_stays(
    harness: Harness,
) -> None:
    name = finish(harness)
    hours = harness.server.usage(ROOT, UsageFilter(since=0.0)).total
    later(harness, 89)
    assert log(harness, name) == "step 1\n"
    assert harness.job(name).removed_at is None

    later(harness, 2)

    details = harness.server.details(name)
    assert (details.streams, log(harness, name)) == ((), "")
    assert details.job.removed_at is not None
    assert details.job.state == "finished"
    assert details.result is not None
    assert details.result["weights_sha256"] == "ab" * 32
    assert "name: digits" in details.spec
    assert len(details.attempts) == 1
    [event] = harness.server.events(job=name).events
    assert event.text == f"{name}: log and events removed, 90 days after its end (limits.keep)"
    assert harness.server.usage(ROOT, UsageFilter(since=0.0)).total == hours
    with harness.ledger.reading() as tx:
        assert tx.exec_driver_sql("SELECT count(*) FROM pieces").scalar_one() == 0


@pytest.mark.check
def test_without_the_setting_everything_stays(harness: Harness) -> None:
    harness.settings = replace(harness.settings, keep_s=None)
    harness.restart()
    name = finish(harness)

    later(harness, 10_000)

    assert log(harness, name) == "step 1\n"


@pytest.mark.check
def test_numbers_of_events_are_not_given_again(harness: Harness) -> None:
    name = finish(harness)
    later(harness, 91)
    with harness.ledger.reading() as tx:
        last = events.last_number(tx)

    harness.submit(asks())

    assert [e.kind for e in harness.server.events(after=last).events] == ["submitted"]
    assert harness.kinds(name) == ["removed"]


def test_open_jobs_and_what_they_wait_for_keep_everything(harness: Harness) -> None:
    old, source, plain = finish(harness), finish(harness), finish(harness)
    after, start = (f"{old}:any",), (f"{source}:ok",)
    [waiting] = harness.submit(asks(after=after, hold=True))
    [second] = harness.submit(asks(after=start, start_from=source, hold=True))

    later(harness, 91)

    assert [log(harness, name) for name in (old, source, plain)] == ["step 1\n"] * 2 + [""]
    assert harness.kinds(waiting.name) == ["submitted"]

    harness.server.cancel(ADA, waiting.name)
    harness.server.cancel(ADA, second.name)
    later(harness, 1)
    assert [log(harness, name) for name in (old, source)] == ["", ""]


@pytest.mark.check
def test_what_a_schedule_names_stays(harness: Harness) -> None:
    code = upload(harness, b"archive")
    source = finish(harness)
    user = finish(harness, code=code)
    request = asks(code=code, after=(f"{source}:ok",), start_from=source)
    nightly = ScheduleRequest(name="nightly", request=request, at=harness.clock() + 200 * DAY_S)
    harness.server.add_schedule(ADA, nightly)

    later(harness, 91)

    assert (log(harness, source), log(harness, user)) == ("step 1\n", "")
    assert harness.server.has_code(code)
    harness.server.remove_schedule(ADA, "nightly")
    later(harness, 1)
    assert (log(harness, source), harness.server.has_code(code)) == ("", False)


def test_own_files_stay_while_another_job_uses_them(harness: Harness) -> None:
    shared, own, unsubmitted = (upload(harness, data) for data in (b"shared", b"own", b"new"))
    first = finish(harness, code=shared)
    finish(harness, code=own)
    harness.clock.pass_(50 * DAY_S)
    finish(harness, code=shared)

    later(harness, 41)
    assert [harness.server.has_code(code) for code in (shared, own, unsubmitted)] == [1, 0, 1]

    later(harness, 50)
    assert not harness.server.has_code(shared)
    harness.server.put_code(shared, b"shared")
    with harness.ledger.reading() as tx:
        assert texts.read_code(tx, shared) == b"shared"
    assert harness.job(first).removed_at is not None


@pytest.mark.check
def test_a_removed_job_is_retried_only_with_its_own_files(harness: Harness) -> None:
    code = upload(harness, b"archive")
    with_code, without = finish_failed(harness, code=code), finish_failed(harness)
    later(harness, 91)

    with pytest.raises(ConflictError, match="its own files were removed") as refused:
        harness.server.retry(ADA, with_code)
    assert refused.value.code == "removed"
    upload(harness, b"archive")
    assert harness.server.retry(ADA, with_code).state == "waiting"
    assert harness.server.retry(ADA, without).removed_at is None


def finish_failed(harness: Harness, **more: Any) -> str:
    [job] = harness.submit(asks(**more), steps=100)
    harness.run(3)
    harness.fail(job.name, "no such file", "user_error")
    harness.run(2)
    return job.name


def test_a_long_log_is_removed_in_parts_between_which_it_can_be_read(harness: Harness) -> None:
    text = b"".join(b"line %07d\n" % number for number in range(500_000))  # 6.5 MB: 100 pieces
    name = finish(harness, log=text)
    harness.clock.pass_(91 * DAY_S)
    retention = impatient(harness)

    lengths = []
    for _ in range(20):
        retention.remove_some(harness.clock())
        left = log(harness, name)
        assert text.decode().startswith(left)
        lengths.append(len(left))
        harness.clock.pass_(1)

    assert 0 < lengths[0] < len(text)
    assert lengths[-1] == 0
    assert lengths == sorted(lengths, reverse=True)


@pytest.mark.check
def test_an_iteration_removes_for_a_short_time_only(harness: Harness) -> None:
    names = [finish(harness) for _ in range(4)]
    harness.clock.pass_(91 * DAY_S)
    retention = impatient(harness)

    left = []
    for _ in range(10):
        retention.remove_some(harness.clock())
        left.append(sum(log(harness, name) != "" for name in names))

    assert left[0] == 3
    assert left[-1] == 0


def impatient(harness: Harness) -> Retention:
    """A retention for which each transaction takes all of its time."""
    times: Callable[[], float] = iter(range(10**6)).__next__
    return Retention(harness.server.mirror, KEEP_S, times)


@pytest.mark.check
def test_the_space_of_what_is_removed_is_used_again(tmp_path: Path) -> None:
    with Harness(f"sqlite:///{tmp_path}/ledger.db", tmp_path) as harness:
        harness.settings = replace(harness.settings, keep_s=KEEP_S)
        harness.restart()
        sizes = []
        for _ in range(4):
            finish(harness, log=b"x" * 3_000_000)
            later(harness, 91)
            with harness.ledger.reading() as tx:
                sizes.append(tx.exec_driver_sql("PRAGMA page_count").scalar_one())

    assert sizes[-1] - sizes[0] < 20
