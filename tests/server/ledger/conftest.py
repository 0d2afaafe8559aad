from collections.abc import Iterator

import pytest

from distnet.server.ledger import Ledger, open_ledger


@pytest.fixture
def ledger(ledger_url: str) -> Iterator[Ledger]:
    """An empty ledger; the test runs once on each database."""
    ledger = open_ledger(ledger_url)
    yield ledger
    ledger.close()
