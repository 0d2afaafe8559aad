from dataclasses import replace

import pytest

from distnet.protocol.errors import ConflictError, NotFoundError
from distnet.protocol.states import AttemptEnd, StopReason
from distnet.server.ledger import Ledger, attempts
from tests.server.ledger.records import attempt, begin, job, submit


def test_attempt_is_read_as_it_was_saved(ledger: Ledger) -> None:
    submit(ledger, job("digits-1"))
    begun = begin(ledger, "digits-1")
    ended = replace(
        begun,
        placement={"node-c": 5},
        cause="resize",
        handed_at=1.5,
        seen_at=2.5,
        stop=StopReason.MAX_TIME,
        stop_at=3.5,
        target={"node-c": 4},
        resized_at=6.5,
        ended_at=4.5,
        end=AttemptEnd.LOST,
        error="worker 3:\n\0 ☃",
        failure="hang",
        step=2**40,
    )

    with ledger.reading() as tx:
        assert attempts.attempts_of(tx, "digits-1") == [begun]
    with ledger.transaction() as tx:
        attempts.save_attempts(tx, [ended])

    with ledger.reading() as tx:
        kept = replace(ended, error="worker 3:\n\ufffd ☃")
        assert attempts.attempts_of(tx, "digits-1") == [kept]
        assert attempts.attempt_by_token(tx, begun.token_sha256) == kept
        assert attempts.attempt_by_token(tx, "0" * 64) is None


def test_live_attempts_are_those_without_an_end(ledger: Ledger) -> None:
    submit(ledger, job("a"), job("b"))
    begin(ledger, "a", ended_at=9.0)
    newer = begin(ledger, "a", 2, created_at=20.0)
    older = begin(ledger, "b", created_at=10.0)

    with ledger.reading() as tx:
        assert attempts.live_attempts(tx) == [older, newer]
        assert [record.number for record in attempts.attempts_of(tx, "a")] == [1, 2]


def test_second_attempt_of_one_number_is_refused(ledger: Ledger) -> None:
    submit(ledger, job("a"))
    begun = begin(ledger, "a")

    with pytest.raises(ConflictError):
        begin(ledger, "a", submission="other", token_sha256="other")

    with ledger.reading() as tx:
        assert attempts.live_attempts(tx) == [begun]


def test_attempt_at_a_job_that_is_not_there_is_refused(ledger: Ledger) -> None:
    with pytest.raises(ConflictError):
        begin(ledger, "nobody")


def test_saving_an_attempt_that_was_never_inserted_is_refused(ledger: Ledger) -> None:
    submit(ledger, job("a"))

    no_row = pytest.raises(NotFoundError, match="found no row of an attempt")
    with no_row, ledger.transaction() as tx:
        attempts.save_attempts(tx, [attempt("a", 3)])
