"""The feed of events."""

import time
from pathlib import Path

import pytest

from distnet.server.ledger import Ledger
from distnet.server.ledger.records import EventRecord
from distnet.server.observers.feed import Feed
from tests.server.harness import Harness, asks


class Reader:
    """Remembers the events, and does not understand some of them."""

    def __init__(self, *wrong: str) -> None:
        self.kinds: list[str] = []
        self._wrong = wrong

    def read(self, event: EventRecord) -> None:
        self.kinds.append(event.kind)
        if event.kind in self._wrong:
            raise ValueError("no such thing")


def test_a_reader_that_fails_costs_only_itself_that_event(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with Harness(f"sqlite:///{tmp_path}/ledger.db", tmp_path) as harness:
        first, second = Reader("submitted"), Reader()
        feed = Feed(harness.ledger, [first.read, second.read])
        feed.start()
        harness.submit(asks(), asks())
        harness.run(2)
        feed.close()

    assert first.kinds == second.kinds
    assert second.kinds.count("submitted") == 2
    assert "started" in second.kinds
    assert "no such thing" in caplog.text


def test_a_ledger_that_fails_is_read_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("distnet.server.observers.feed.EVERY_S", 0.01)
    with Harness(f"sqlite:///{tmp_path}/ledger.db", tmp_path) as harness:
        reader = Reader()
        feed = Feed(harness.ledger, [reader.read])
        with monkeypatch.context() as patch:
            patch.setattr(Ledger, "reading", None)
            feed.start()
            time.sleep(0.1)
        harness.submit(asks())
        feed.close()

    assert reader.kinds == ["submitted"]
