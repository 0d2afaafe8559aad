import hashlib
from dataclasses import replace

import pytest

from distnet.protocol.errors import ConflictError, NotFoundError
from distnet.protocol.states import JobState
from distnet.scheduler.view import Shape
from distnet.server.ledger import Ledger, jobs, texts
from distnet.server.ledger.records import Condition, Dependency
from tests.server.ledger.records import job, submit, submit_in


def test_job_is_read_as_it_was_inserted_when_every_field_is_set(ledger: Ledger) -> None:
    archive = b"\x00\xff archive"
    code = hashlib.sha256(archive).hexdigest()
    with ledger.transaction() as tx:
        texts.put_code(tx, code, archive)
    full = job(
        "digits-1",
        code=code,
        shape=Shape(min_workers=2, max_workers=8, cpus=3, gpus=1),
        slices=8,
        priority=-7,
        state=JobState.RUNNING,
        reason="it trains: 100 % – naïve ☃",
        after=(Dependency("first"), Dependency("second", Condition.FAILED)),
        start_from="first",
        not_before=1_790_000_100.125,
        is_preemptible=False,
        grace_s=12.5,
        max_time_s=3600.0,
        expected_s=0.1,
        array="sweep",
        rungs=(1 / 9, 1 / 3),
        passed_rungs=1,
        trials_at_once=4,
        schedule="nightly",
        workers=3,
        num_attempts=2,
        failures={"hang": 1, "lost_worker": 2},
        saved_step=2**40,
        started_at=1_790_000_001.0,
        ended_at=1_790_000_002.0,
        trained_s=17.75,
        progress={"step": 3, "loss": 0.25, "note": "a\nb", "list": [1, None, True]},
        result={"weights_sha256": "ab", "metrics": {"test": {"accuracy": 0.97}}},
    )

    (inserted,) = submit(ledger, full)

    assert inserted == replace(full, number=1)
    with ledger.reading() as tx:
        assert jobs.read_job(tx, "digits-1") == inserted
        assert jobs.read_job(tx, "digits-2") is None


def test_job_is_read_as_it_was_inserted_when_little_is_set(ledger: Ledger) -> None:
    (inserted,) = submit(ledger, job("digits-1"))

    with ledger.reading() as tx:
        assert jobs.read_job(tx, "digits-1") == inserted


def test_loss_that_is_nan_is_kept(ledger: Ledger) -> None:
    submit(ledger, job("digits-1", progress={"loss": float("nan"), "most": float("inf")}))

    with ledger.reading() as tx:
        read = jobs.read_job(tx, "digits-1")

    assert read is not None
    assert read.progress["loss"] != read.progress["loss"]
    assert read.progress["most"] == float("inf")


def test_text_that_databases_refuse_is_kept_readable(ledger: Ledger) -> None:
    progress = {"error": "\0 and \ud800"}
    submit(ledger, job("digits-1", reason="a\0b \ud800 ☃", progress=progress))

    with ledger.reading() as tx:
        read = jobs.read_job(tx, "digits-1")
        assert jobs.read_job(tx, "digits\0") is None

    assert read is not None
    assert read.reason == "a\ufffdb ? ☃"
    assert read.progress == progress


def test_numbers_follow_one_another_over_transactions(ledger: Ledger) -> None:
    first = submit(ledger, job("a"), job("b"))
    second = submit(ledger, job("c"))

    assert [record.number for record in first + second] == [1, 2, 3]


@pytest.mark.parametrize(
    "names", [("new", "old"), ("new", "new")], ids=["in the ledger", "in one submit"]
)
def test_name_that_is_taken_is_refused_and_nothing_is_inserted(
    ledger: Ledger, names: tuple[str, ...]
) -> None:
    submit(ledger, job("old"))
    again = [job(name, key=f"other-{at}") for at, name in enumerate(names)]

    with pytest.raises(ConflictError, match=f"{names[1]}: a job already has this name") as refused:
        submit(ledger, *again)

    assert refused.value.code == "name_taken"
    with ledger.reading() as tx:
        assert jobs.names_taken(tx, ["old", "new", "other"]) == {"old"}


def test_key_that_is_taken_is_refused_for_the_same_owner_only(ledger: Ledger) -> None:
    submit(ledger, job("a", key="one-key-1"))
    submit(ledger, job("b", key="one-key-1", owner="grace"))

    with pytest.raises(ConflictError, match="one-key-1") as refused:
        submit(ledger, job("c", key="one-key-1"))

    assert refused.value.code == "key_taken"


def test_jobs_are_found_by_the_keys_of_their_owner(ledger: Ledger) -> None:
    first, second, _ = submit(
        ledger,
        job("a", key="key-aaaa"),
        job("b", key="key-bbbb"),
        job("c", key="key-cccc", owner="grace"),
    )

    with ledger.reading() as tx:
        found = jobs.find_keys(tx, "ada", ["key-aaaa", "key-bbbb", "key-cccc", "key-dddd"])

    assert found == {"key-aaaa": first, "key-bbbb": second}


def test_saved_job_is_read_as_it_was_saved(ledger: Ledger) -> None:
    first, second, third = submit(ledger, job("a"), job("b"), job("c"))
    changed = [
        replace(first, state=JobState.FAILED, ended_at=5.0, result={"error": "x"}, failures={}),
        replace(third, priority=9, workers=None, progress={"step": 4}),
    ]

    with ledger.transaction() as tx:
        jobs.save_jobs(tx, changed)

    with ledger.reading() as tx:
        assert [jobs.read_job(tx, name) for name in "abc"] == [changed[0], second, changed[1]]


def test_saving_a_job_that_was_never_inserted_is_refused(ledger: Ledger) -> None:
    (known,) = submit(ledger, job("a"))

    with pytest.raises(NotFoundError), ledger.transaction() as tx:
        jobs.save_jobs(tx, [replace(known, priority=5), job("b", number=7)])

    with ledger.reading() as tx:
        assert jobs.read_job(tx, "a") == known


def test_open_jobs_are_those_that_have_not_ended_in_their_order(ledger: Ledger) -> None:
    states = list(JobState)
    submit(ledger, *(job(f"job-{at}", state=state) for at, state in enumerate(states)))

    with ledger.reading() as tx:
        found = jobs.open_jobs(tx)

    assert [record.state for record in found] == [s for s in states if not s.is_terminal]
    assert [record.number for record in found] == sorted(record.number for record in found)


def test_list_is_newest_first_and_continues_before_a_number(ledger: Ledger) -> None:
    submit(ledger, *(job(f"job-{at}") for at in range(5)))

    with ledger.reading() as tx:
        page, total = jobs.list_jobs(tx, limit=2)
        rest, same_total = jobs.list_jobs(tx, before=page[-1].number)
        beyond, _ = jobs.list_jobs(tx, before=2**70, limit=1)

    assert [record.name for record in page] == ["job-4", "job-3"]
    assert [record.name for record in rest] == ["job-2", "job-1", "job-0"]
    assert total == same_total == 5
    assert beyond == page[:1]


@pytest.mark.parametrize(
    ("filters", "names"),
    [
        ({"owner": "ada"}, ["c", "a%b"]),
        ({"team": "audio"}, ["digits-7"]),
        ({"array": "sweep"}, ["digits-7", "a%b"]),
        ({"states": (JobState.FAILED, JobState.CANCELLED)}, ["c", "digits-7"]),
        ({"states": set()}, []),
        ({"text": "DIGITS"}, ["digits-7"]),
        ({"text": "%"}, ["a%b"]),
        ({"text": "grac"}, ["digits-7"]),
        ({"owner": "ada", "states": [JobState.FAILED]}, ["c"]),
        ({"text": ""}, ["c", "digits-7", "a%b"]),
    ],
    ids=str,
)
def test_list_holds_what_matches(
    ledger: Ledger, filters: dict[str, object], names: list[str]
) -> None:
    submit(
        ledger,
        job("a%b", array="sweep"),
        job("digits-7", owner="grace", team="audio", array="sweep", state=JobState.CANCELLED),
        job("c", state=JobState.FAILED),
    )

    with ledger.reading() as tx:
        found, total = jobs.list_jobs(tx, **filters)  # type: ignore[arg-type]

    assert [record.name for record in found] == names
    assert total == len(names)


def test_states_of_many_names_are_read_at_once(ledger: Ledger) -> None:
    names = [f"job-{at}" for at in range(2500)]
    submit(ledger, *(job(name, state=JobState.HELD) for name in names))

    with ledger.reading() as tx:
        states = jobs.states_of(tx, [*names, "not-there"])

    assert states == dict.fromkeys(names, JobState.HELD)


def test_numbers_of_names_are_never_given_twice(ledger: Ledger) -> None:
    given: list[int] = []
    for count in (1, 3, 1):
        with ledger.transaction() as tx:
            first = jobs.take_numbers(tx, "digits", count)
            given += range(first, first + count)

    assert given == [1, 2, 3, 4, 5]
    with ledger.transaction() as tx:
        assert jobs.take_numbers(tx, "mnist", 1) == 1


def test_numbers_of_names_skip_what_a_user_took(ledger: Ledger) -> None:
    submit(ledger, job("digits-2"), job("digits-x"), job("digits-02"))

    with ledger.transaction() as tx:
        assert jobs.take_numbers(tx, "digits", 1) == 1
        assert jobs.take_numbers(tx, "digits", 3) == 3
        assert jobs.take_numbers(tx, "digits", 1) == 6


def test_numbers_of_names_are_free_again_when_the_transaction_fails(ledger: Ledger) -> None:
    def fail() -> None:
        with ledger.transaction() as tx:
            jobs.take_numbers(tx, "digits", 10)
            submit_in(tx, job("digits-1"))
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail()

    with ledger.transaction() as tx:
        assert jobs.take_numbers(tx, "digits", 1) == 1
        assert jobs.open_jobs(tx) == []


def test_ten_thousand_jobs_go_in_at_once(ledger: Ledger) -> None:
    records = [job(f"job-{at}") for at in range(10_000)]

    inserted = submit(ledger, *records)

    with ledger.reading() as tx:
        assert jobs.open_jobs(tx) == inserted
    assert [record.number for record in inserted] == list(range(1, 10_001))
