import queue
import sqlite3
import threading
from dataclasses import replace
from pathlib import Path

import pytest

from distnet.protocol.errors import InvalidError, LedgerError, UnavailableError
from distnet.server.ledger import Ledger, attempts, database, events, jobs, open_ledger
from distnet.server.ledger.records import EventRecord
from tests.server.ledger.records import begin, job, submit, submit_in


def test_nothing_is_left_of_a_transaction_that_fails(ledger: Ledger) -> None:
    (known,) = submit(ledger, job("a"))

    def fail() -> None:
        with ledger.transaction() as tx:
            jobs.save_jobs(tx, [replace(known, priority=9)])
            submit_in(tx, job("b"))
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail()

    with ledger.reading() as tx:
        assert jobs.open_jobs(tx) == [known]


def test_reader_sees_what_is_committed_without_waiting(ledger: Ledger) -> None:
    submit(ledger, job("a"))

    with ledger.transaction() as tx:
        submit_in(tx, job("b"))
        with ledger.reading() as look:
            assert jobs.names_taken(look, ["a", "b"]) == {"a"}

    with ledger.reading() as look:
        assert jobs.names_taken(look, ["a", "b"]) == {"a", "b"}


def test_reader_sees_one_moment(ledger: Ledger) -> None:
    submit(ledger, job("a"))

    with ledger.reading() as look:
        assert len(jobs.open_jobs(look)) == 1
        submit(ledger, job("b"))
        assert len(jobs.open_jobs(look)) == 1


def test_reader_changes_nothing(ledger: Ledger) -> None:
    with pytest.raises((UnavailableError, LedgerError)), ledger.reading() as tx:
        submit_in(tx, job("a"))

    with ledger.reading() as tx:
        assert jobs.open_jobs(tx) == []


def test_threads_write_one_after_the_other(ledger: Ledger) -> None:
    submit(ledger, job("counted"))
    faults: list[BaseException] = []

    def write(thread: int) -> None:
        try:
            for at in range(25):
                with ledger.transaction() as tx:
                    first = jobs.take_numbers(tx, "digits", 1)
                    submit_in(tx, job(f"digits-{first}"))
                    events.append_events(tx, [EventRecord(0, 0.0, "x", None, "ada", str(thread))])
                    counted = jobs.read_job(tx, "counted")
                    assert counted is not None
                    jobs.save_jobs(tx, [replace(counted, saved_step=counted.saved_step + 1)])
                with ledger.reading() as tx:
                    assert len(jobs.open_jobs(tx)) > at
        except BaseException as fault:
            faults.append(fault)

    threads = [threading.Thread(target=write, args=(at,)) for at in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert faults == []
    with ledger.reading() as tx:
        found = jobs.open_jobs(tx)
        assert [record.number for record in found] == list(range(1, 102))
        assert {record.name for record in found[1:]} == {f"digits-{at}" for at in range(1, 101)}
        assert found[0].saved_step == 100
        assert [record.number for record in events.read_events(tx)] == list(range(1, 101))


def test_number_that_is_too_large_is_refused_and_nothing_is_done(ledger: Ledger) -> None:
    submit(ledger, job("a"))

    with pytest.raises(InvalidError, match="does not fit"):
        begin(ledger, "a", step=2**70)

    with ledger.reading() as tx:
        assert attempts.live_attempts(tx) == []


def test_file_that_another_program_writes_is_unavailable_and_can_be_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(database, "LOCKED_S", 0.05)
    ledger = open_ledger(f"sqlite:///{tmp_path / 'ledger.db'}")
    (known,) = submit(ledger, job("a"))
    other = sqlite3.connect(tmp_path / "ledger.db", isolation_level=None)
    other.execute("BEGIN IMMEDIATE")

    with pytest.raises(UnavailableError, match=r"ledger.db: cannot be used now.*locked"):
        submit(ledger, job("b"))

    with ledger.reading() as tx:
        assert jobs.open_jobs(tx) == [known]
    other.close()
    submit(ledger, job("b"))
    ledger.close()


def test_ledger_continues_after_an_error(ledger: Ledger) -> None:
    submit(ledger, job("a"))
    begin(ledger, "a")
    for _ in range(3):
        with pytest.raises(Exception, match="refused"):
            begin(ledger, "a")

    begin(ledger, "a", 2)

    with ledger.reading() as tx:
        assert len(attempts.live_attempts(tx)) == 2


def test_few_threads_wait_for_the_lock_of_another_program(
    ledger: Ledger, ledger_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(database, "LOCKED_S", 600.0)
    other, ended = open_ledger(ledger_url), queue.Queue[str]()

    def write(name: str) -> None:
        try:
            submit(ledger, job(name))
        except database.LockedError:
            ended.put("refused")
        else:
            ended.put("done")

    names = [f"job-{at}" for at in range(database.MAX_WAITING + 2)]
    threads = [threading.Thread(target=write, args=(name,)) for name in names]
    with other.transaction():
        for thread in threads:
            thread.start()
        assert [ended.get(timeout=60) for _ in range(2)] == ["refused"] * 2
    rest = [ended.get(timeout=60) for _ in range(database.MAX_WAITING)]

    assert rest == ["done"] * database.MAX_WAITING
    for thread in threads:
        thread.join()
    other.close()


def test_a_lock_that_stands_for_long_is_waited_for_once(
    ledger: Ledger, ledger_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    tries = list[float]()
    monkeypatch.setattr(database, "LOCKED_S", 0.05)
    monkeypatch.setattr(database, "AGAIN_S", 0.001)
    monkeypatch.setattr(database.time, "sleep", tries.append)
    other = open_ledger(ledger_url)
    with other.transaction():
        for _ in range(2):
            before = len(tries)
            with pytest.raises(database.LockedError):
                submit(ledger, job("a"))
        assert before > 0
        assert len(tries) == before
    other.close()
    submit(ledger, job("a"))
