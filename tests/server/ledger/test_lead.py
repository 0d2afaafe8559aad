import os
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from distnet.protocol.errors import UnavailableError
from distnet.server.ledger import Ledger, jobs, open_ledger
from tests.server.ledger.processes import lead, response, started
from tests.server.ledger.records import job, submit
from tests.server.postgres import kill_sessions


def until(holds: Callable[[], bool], timeout_s: float = 30.0) -> bool:
    """Ask again and again."""
    end = time.monotonic() + timeout_s
    while not holds():
        if time.monotonic() > end:
            return False
        time.sleep(0.02)
    return True


def test_one_process_leads_until_it_is_killed(ledger: Ledger, ledger_url: str) -> None:
    with started(lead, ledger_url) as process:
        assert response(process) == "True"
        assert not ledger.lead()
        assert not ledger.still_leads()
        process.kill()
        process.wait()

        assert until(ledger.lead)

    assert ledger.still_leads()
    with started(lead, ledger_url) as process:
        assert response(process) == "False"
    assert ledger.still_leads()


def test_lead_is_free_at_once_when_the_leader_closes(ledger: Ledger, ledger_url: str) -> None:
    other = open_ledger(ledger_url)
    assert other.lead()
    assert other.lead()
    assert not ledger.lead()

    other.close()

    assert ledger.lead()


def test_a_process_without_the_lead_may_still_write(ledger: Ledger, ledger_url: str) -> None:
    other = open_ledger(ledger_url)
    assert other.lead()

    submit(ledger, job("a"))
    submit(other, job("b"))

    other.close()
    with ledger.reading() as tx:
        assert len(jobs.open_jobs(tx)) == 2


def test_lead_is_lost_when_its_file_is_taken_away(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'ledger.db'}"
    first, second = open_ledger(url), open_ledger(url)
    assert first.lead()

    os.remove(tmp_path / "ledger.db.lock")

    assert not first.still_leads()
    assert second.lead()
    assert not first.lead()
    first.close()
    second.close()


def test_leader_continues_when_its_sessions_were_lost(postgresql_url: str) -> None:
    leader = open_ledger(postgresql_url)
    assert leader.lead()

    kill_sessions(postgresql_url)

    assert leader.still_leads()
    submit(leader, job("a"))
    other = open_ledger(postgresql_url)
    assert not other.lead()
    other.close()
    leader.close()


def test_leader_writes_nothing_more_when_another_led_meanwhile(postgresql_url: str) -> None:
    old, new = open_ledger(postgresql_url), open_ledger(postgresql_url)
    assert old.lead()
    kill_sessions(postgresql_url)
    assert until(new.lead)

    with pytest.raises(UnavailableError, match="another server has taken the lead") as refused:
        submit(old, job("a"))

    assert refused.value.code == "lead_lost"
    assert not old.still_leads()
    new.close()
    assert not old.still_leads()  # what it has in memory is of before
    with pytest.raises(UnavailableError):
        submit(old, job("a"))
    assert old.lead()
    submit(old, job("a"))
    old.close()


def test_lost_session_in_a_transaction_leaves_nothing_and_the_next_succeeds(
    postgresql_url: str,
) -> None:
    ledger = open_ledger(postgresql_url)

    def lose_the_session() -> None:
        with ledger.transaction() as tx:
            jobs.take_numbers(tx, "digits", 3)
            kill_sessions(postgresql_url)
            jobs.take_numbers(tx, "digits", 3)

    with pytest.raises(UnavailableError, match="cannot be used now"):
        lose_the_session()

    with ledger.transaction() as tx:
        assert jobs.take_numbers(tx, "digits", 1) == 1
    ledger.close()
