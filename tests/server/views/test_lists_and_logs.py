"""Pages of jobs, and pieces of logs, as the server's callers get them."""

from dataclasses import replace

import pytest
from sqlalchemy import event

from distnet.protocol.attempt import Report
from distnet.protocol.errors import InvalidError, NotFoundError
from distnet.protocol.states import JobState
from distnet.server.views.listing import JobFilter
from tests.server.fake_cluster import piece
from tests.server.harness import ADA, BOB, Harness, asks


@pytest.fixture
def harness(harness_url, tmp_path):
    with Harness(harness_url, tmp_path) as harness:
        yield harness


def names(page) -> list[str]:
    return [job.name for job in page.jobs]


def test_jobs_of_one_state_are_listed_and_those_of_all_counted(harness):
    harness.submit(*(asks(workers=4) for _ in range(3)))
    harness.submit(asks(workers=4, priority=-1), user=BOB)
    harness.server.hold(ADA, "digits-2")
    harness.run(2)

    held = harness.server.jobs(JobFilter(state=JobState.HELD))
    mine = harness.server.jobs(JobFilter(state=JobState.WAITING, owner="ada"))

    assert (names(held), held.num_total) == (["digits-2"], 1)
    assert held.num_by_state == {"running": 1, "waiting": 2, "held": 1}
    assert (names(mine), mine.num_total) == (["digits-3"], 1)
    assert mine.num_by_state == {"running": 1, "waiting": 1, "held": 1}


def test_ended_jobs_of_one_state_are_listed_page_by_page_to_the_last(harness):
    harness.submit(*(asks(workers=4) for _ in range(5)))
    for at in (2, 3, 4, 5):
        harness.server.cancel(ADA, f"digits-{at}")
    harness.run_until_all_ended(steps=5)

    first = harness.server.jobs(JobFilter(state=JobState.CANCELLED, limit=2))
    last = harness.server.jobs(JobFilter(state=JobState.CANCELLED, limit=2, after=first.next))
    finished = harness.server.jobs(JobFilter(state=JobState.FINISHED))

    assert names(first) == ["digits-5", "digits-4"]
    assert names(last) == ["digits-3", "digits-2"]
    assert (first.num_total, last.num_total, last.next) == (4, 4, None)
    assert names(finished) == ["digits-1"]


def test_open_and_ended_jobs_make_one_list(harness):
    harness.submit(*(asks(workers=4) for _ in range(4)))
    harness.server.cancel(ADA, "digits-3")
    harness.server.cancel(ADA, "digits-4")

    found, after = [], None
    while True:
        page = harness.server.jobs(JobFilter(state="all", limit=1, after=after))
        found += names(page)
        after = page.next
        if after is None:
            break

    assert found == ["digits-1", "digits-2", "digits-4", "digits-3"]


def test_ended_jobs_are_in_the_order_of_their_ends(harness):
    harness.submit(*(asks(hold=True) for _ in range(4)))
    for at in (2, 4, 1, 3):
        harness.server.cancel(ADA, f"digits-{at}")
        harness.clock.pass_(100)

    found = harness.server.jobs(JobFilter(state="ended"))

    assert names(found) == ["digits-3", "digits-1", "digits-4", "digits-2"]


def test_jobs_that_ended_since_a_time_are_listed_page_by_page(harness):
    harness.submit(*(asks(hold=True) for _ in range(7)))
    for at in range(1, 7):
        harness.server.cancel(ADA, f"digits-{at}")
        harness.clock.pass_(0.1)
    since = harness.job("digits-3").ended_at
    for at in (1, 2):  # they end now, while they are old by their numbers
        harness.server.retry(ADA, f"digits-{at}")
    harness.server.cancel(ADA, "digits-2")

    wanted = JobFilter(state="all", since=since, limit=2)
    first = harness.server.jobs(wanted)
    harness.clock.pass_(1)
    harness.server.cancel(ADA, "digits-1")  # after the first page: it moves nothing
    second = harness.server.jobs(replace(wanted, after=first.next))
    third = harness.server.jobs(replace(wanted, after=second.next))

    pages = [names(page) for page in (first, second, third)]
    assert pages == [["digits-2", "digits-6"], ["digits-5", "digits-4"], ["digits-3"]]
    assert (first.num_total, third.num_total, third.next) == (5, 6, None)


@pytest.mark.parametrize(
    "after", ["ended:1", "ended:1.5", "ended:1-2", "open:1.5-2", "ended:1.5-x", "open:", "ended:e"]
)
def test_a_cursor_of_another_form_is_refused(harness, after):
    if after == "ended:1":  # of an earlier version: it starts again
        assert names(harness.server.jobs(JobFilter(state="ended", after=after))) == []
        return
    with pytest.raises(InvalidError, match="expected the `next` of the page before"):
        harness.server.jobs(JobFilter(state="ended", after=after))


@pytest.mark.parametrize(
    ("state", "index"),
    [("ended", "ix_jobs_ended_at_number"), ("cancelled", "ix_jobs_state_ended_at_number")],
)
def test_a_page_of_history_is_found_by_an_index(api, state, index):
    """However many jobs have ended: no scan of the table, and no sort."""
    statements: list[str] = []
    harness = api.harness
    harness.submit(*(asks(hold=True) for _ in range(3)))
    for at in (1, 2, 3):
        harness.server.cancel(ADA, f"digits-{at}")
    wanted = JobFilter(state=state, since=1.0, limit=1)
    page = harness.server.jobs(wanted)
    with harness.ledger.reading() as tx:
        event.listen(tx.engine, "before_cursor_execute", _remember(statements))
    harness.server.jobs(replace(wanted, after=page.next))

    [plan] = [one for one in statements if "LIMIT" in one]
    assert f"USING INDEX {index}" in plan
    assert "B-TREE" not in plan


def _remember(statements):
    def remember(connection, cursor, statement, parameters, context, many):
        plan = cursor.execute(f"EXPLAIN QUERY PLAN {statement}", parameters).fetchall()
        statements.append(statement + " / ".join(row[3] for row in plan))

    return remember


@pytest.mark.parametrize("limit", [4, 5, 6, 7, 1000])
def test_a_log_cut_anywhere_is_put_together_again(harness, limit):
    text = "é✓𝄞 plain\n" * 20
    harness.submit(asks())
    harness.run(2)
    (attempt,) = harness.cluster.attempts.values()
    harness.server.report(
        attempt.request.secret, Report(is_training=True, pieces=(piece("run", 0, text),))
    )

    read, offset = "", 0
    while (got := harness.server.stream("digits-1", "run", offset, limit)).next > offset:
        assert got.offset == offset
        assert got.end == len(text.encode())
        read, offset = read + got.text, got.next

    assert read == text


def test_a_log_read_from_within_a_character_continues_after_it(harness):
    harness.submit(asks())
    harness.run(2)
    (attempt,) = harness.cluster.attempts.values()
    harness.server.report(
        attempt.request.secret, Report(is_training=True, pieces=(piece("run", 0, "✓ab"),))
    )

    got = harness.server.stream("digits-1", "run", 1, 1000)

    assert (got.text[-2:], got.next) == ("ab", 5)


def test_the_time_left_goes_by_the_pace_of_the_workers_not_by_their_start_up(harness):
    """Ten minutes of start-up, then 2 s a step: of 100 steps 60 are left."""
    harness.submit(asks(sets=("queue.expected=1h",)))
    harness.run(2)
    (attempt,) = harness.cluster.attempts.values()
    attempt.is_silent = True

    def left() -> float | None:
        return harness.server.jobs(JobFilter(state="all", limit=1)).jobs[0].seconds_left

    starting = left()
    harness.clock.now += 600
    progress = {"loss": 1.0, "seconds_per_step": 2.0}
    report = Report(is_training=True, step=40, num_steps=100, progress=progress)
    harness.server.report(attempt.request.secret, report)

    assert starting is not None
    assert starting > 3500
    assert left() == 120.0
    harness.clock.now += 20
    assert left() == 100.0


def test_a_misspelled_name_gets_a_suggestion(harness):
    harness.submit(asks(name="first"), asks(name="gone"))
    harness.server.cancel(ADA, "gone")

    for wrong, message in (
        ("frst", "there is no job frst; did you mean first?"),
        ("gne", "there is no job gne; did you mean gone?"),
        ("zzz", "there is no job zzz; list them with: distnet ps --all"),
    ):
        with pytest.raises(NotFoundError) as refused:
            harness.server.details(wrong)
        assert str(refused.value) == message


def test_history_counts_one_worker_as_one(harness):
    harness.submit(asks())
    harness.run(1)
    texts = " ".join(event.text for event in harness.server.events(job="digits-1").events)
    assert "on 1 worker: " in texts
