import pytest

from distnet.server.ledger import Ledger, events, jobs
from tests.server.ledger.processes import (
    EVENTS_EACH,
    response,
    started,
    stay_inside,
    submit_for_ever,
)
from tests.server.ledger.records import job, submit


@pytest.mark.parametrize("num_before", [1, 20, 77])
def test_acknowledged_rows_are_complete_when_the_writer_is_killed(
    ledger: Ledger, ledger_url: str, num_before: int
) -> None:
    with started(submit_for_ever, ledger_url) as process:
        acknowledged = [response(process) for _ in range(num_before)]
        process.kill()
        assert process.stdout is not None
        acknowledged += process.stdout.read().split()  # `communicate` loses lines read in advance

    (after,) = submit(ledger, job("after"))
    with ledger.reading() as tx:
        found = jobs.open_jobs(tx)
        logged = events.read_events(tx, limit=10**6)
    names = [record.name for record in found[:-1]]
    assert names[: len(acknowledged)] == acknowledged
    assert len(names) <= len(acknowledged) + 1  # one may have become durable just before the end
    assert [record.job for record in logged] == [n for n in names for _ in range(EVENTS_EACH)]
    assert after.number == len(found)


def test_nothing_of_a_transaction_is_left_when_its_process_is_killed_inside(
    ledger: Ledger, ledger_url: str
) -> None:
    (known,) = submit(ledger, job("known"))

    with started(stay_inside, ledger_url) as process:
        assert response(process) == "inside"
        process.kill()
        process.wait()

    with ledger.transaction() as tx:  # the right to write came back
        assert jobs.open_jobs(tx) == [known]
        assert jobs.take_numbers(tx, "digits", 1) == 1
