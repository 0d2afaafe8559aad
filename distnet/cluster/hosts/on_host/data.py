"""Whether the data of a cluster's head hold what somebody would miss."""

import sqlite3
from contextlib import closing
from pathlib import Path

LEDGER = Path("distnet") / "ledger.db"
COUNTS = (
    "select (select count(*) from jobs) + (select count(*) from schedules)"
    " + (select count(*) from teams) + max(0, (select count(*) from users) - 1)"
)
"""Of a server that nobody has used: one user, the one who brought it up."""


def is_worth_keeping(folder: Path) -> bool:
    """Whether there are runs, or jobs, schedules, teams or other users in the ledger."""
    ledger = folder / LEDGER
    files = (path for path in folder.rglob("*") if path.is_file())
    if any(path.parent != ledger.parent for path in files):
        return True
    if not ledger.exists():
        return False
    try:
        with closing(sqlite3.connect(f"file:{ledger}?mode=ro", uri=True)) as opened:
            return bool(opened.execute(COUNTS).fetchone()[0])
    except sqlite3.Error:  # of another version: better kept than lost
        return True
