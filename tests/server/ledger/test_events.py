from dataclasses import replace

from distnet.server.ledger import Ledger, events
from distnet.server.ledger.records import EventRecord


def event(text: str, job: str | None = None) -> EventRecord:
    return EventRecord(0, 1_790_000_000.5, "submitted", job, "ada", text, {"by": {"x": [1, 2.5]}})


def append(ledger: Ledger, *records: EventRecord) -> list[EventRecord]:
    with ledger.transaction() as tx:
        return events.append_events(tx, records)


def test_events_are_read_as_they_were_appended_and_numbered_in_order(ledger: Ledger) -> None:
    written = [event("one", "a"), event("two"), event("three ☃", "not-there")]

    numbered = append(ledger, *written[:2]) + append(ledger, *written[2:])

    assert numbered == [replace(record, number=at) for at, record in enumerate(written, 1)]
    with ledger.reading() as tx:
        assert events.read_events(tx) == numbered


def test_events_are_read_in_parts_without_missing_any(ledger: Ledger) -> None:
    written = append(ledger, *(event(f"event {at}") for at in range(7)))

    parts: list[list[EventRecord]] = [[]]
    after = 0
    while parts[-1] or len(parts) == 1:
        with ledger.reading() as tx:
            parts.append(events.read_events(tx, after=after, limit=3))
        after = parts[-1][-1].number if parts[-1] else after

    assert [len(part) for part in parts[1:]] == [3, 3, 1, 0]
    assert sum(parts, []) == written


def test_events_of_one_job_are_read_alone(ledger: Ledger) -> None:
    written = append(ledger, event("1", "a"), event("2", "b"), event("3", "a"), event("4", "a"))

    with ledger.reading() as tx:
        assert events.read_events(tx, job="a", after=written[0].number) == written[2:]
        assert events.read_events(tx, job="nobody") == []
        assert events.read_events(tx, after=2**80) == []


def test_appending_no_events_changes_nothing(ledger: Ledger) -> None:
    assert append(ledger) == []
