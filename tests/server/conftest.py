"""Fixtures of all tests of the server."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.server.harness import Harness
from tests.server.http.api import Api
from tests.server.http.home import Home
from tests.server.postgres import (
    bare_database,
    harness_url,
    ledger_url,
    migrated_database,
    postgresql,
    postgresql_url,
)

__all__ = [
    "bare_database",
    "harness_url",
    "ledger_url",
    "migrated_database",
    "postgresql",
    "postgresql_url",
]


@pytest.fixture
def api(tmp_path: Path) -> Iterator[Api]:
    """A server with a real ledger and a cluster in memory, behind its HTTP application."""
    with Harness(f"sqlite:///{tmp_path}/ledger.db", tmp_path) as harness:
        yield Api(harness)


@pytest.fixture
def each_api(harness_url: str, tmp_path: Path) -> Iterator[Api]:
    """The same, once on each kind of ledger."""
    with Harness(harness_url, tmp_path) as harness:
        yield Api(harness)


@pytest.fixture
def home(tmp_path: Path) -> Home:
    """A user's home folder: its own configuration and ledger."""
    return Home(tmp_path)
