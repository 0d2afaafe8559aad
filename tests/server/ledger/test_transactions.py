import sqlite3
import threading
from dataclasses import replace
from pathlib import Path

import pytest

from distnet.protocol.errors import InvalidError, LedgerError, UnavailableError
from distnet.server.ledger import Ledger, attempts, events, jobs, open_ledger, sqlite
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
    monkeypatch.setattr(sqlite, "BUSY_S", 0.05)
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
