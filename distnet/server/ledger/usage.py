"""What users and teams have used lately, for the fair share."""

from collections.abc import Mapping

from sqlalchemy import Connection, select

from distnet.server.ledger.rows import upsert
from distnet.server.ledger.tables import usage


def save_usage(tx: Connection, used: Mapping[str, tuple[float, float]]) -> None:
    """Write how much each has used, and when that was true; others stay as they are."""
    upsert(
        tx, usage, [{"key": key, "value": value, "time": at} for key, (value, at) in used.items()]
    )


def read_usage(tx: Connection) -> dict[str, tuple[float, float]]:
    """How much each has used, and when that was true."""
    return {row.key: (row.value, row.time) for row in tx.execute(select(usage))}
