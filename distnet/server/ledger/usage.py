"""The recent usage of users and teams, for fair share."""

from collections.abc import Mapping

from sqlalchemy import Connection, select

from distnet.server.ledger.rows import upsert
from distnet.server.ledger.tables import usage


def save_usage(tx: Connection, used: Mapping[str, tuple[float, float]]) -> None:
    """Write usages and their times, by user and team; others are kept."""
    upsert(
        tx, usage, [{"key": key, "value": value, "time": at} for key, (value, at) in used.items()]
    )


def read_usage(tx: Connection) -> dict[str, tuple[float, float]]:
    """Read usages and their times, by user and team."""
    return {row.key: (row.value, row.time) for row in tx.execute(select(usage))}
