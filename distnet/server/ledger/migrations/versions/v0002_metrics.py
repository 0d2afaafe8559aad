"""The progress of jobs that have ended gets the metrics of their last evaluation.

Earlier servers kept the training accuracy of the last batch in `progress`, and the metrics of the
last evaluation in `result` alone, as `test_loss`, `test_accuracy` or `test_mae`. They stay there.
"""

import json
import math
import re
from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision: str | None = "0001"

HEADLINES = {
    "accuracy": {"name": "accuracy", "format": "percent", "direction": "higher"},
    "mae": {"name": "mae", "format": "number", "direction": "lower"},
}
"""The headline metrics of that version's two tasks; tasks of users had others."""
NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_@.-]{0,63}")
SPLIT = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,254}")
MAX_METRICS = 32
BATCH = 1000

jobs = sa.table(
    "jobs",
    sa.column("number", sa.BigInteger()),
    sa.column("progress", sa.Text()),
    sa.column("result", sa.Text()),
)


def upgrade() -> None:
    """Fill in `headline`, `split` and `metrics` where the result has them."""
    save = (
        jobs.update()
        .where(jobs.c.number == sa.bindparam("row"))
        .values(progress=sa.bindparam("filled"))
    )
    last = 0
    while rows := _batch(after=last):
        changes = [
            {"row": row.number, "filled": json.dumps(json.loads(row.progress) | evaluation)}
            for row in rows
            if (evaluation := _evaluation(json.loads(row.result)))
        ]
        if changes:
            op.get_bind().execute(save, changes)
        last = rows[-1].number


def _batch(*, after: int) -> list[Any]:
    """Read jobs with a result, in batches: a ledger may have hundreds of thousands."""
    query = sa.select(jobs).where(jobs.c.number > after, jobs.c.result.is_not(None))
    return list(op.get_bind().execute(query.order_by(jobs.c.number).limit(BATCH)))


def _evaluation(result: Any) -> dict[str, Any]:
    """The last evaluation in a result; empty if it has none.

    A result may say anything, because the job's own code may have written it: only what the server
    would accept from an attempt is taken over.
    """
    metrics = result.get("metrics") if isinstance(result, dict) else None
    values = metrics if isinstance(metrics, dict) else {}
    split = next((key.removesuffix("_loss") for key in values if key.endswith("_loss")), "")
    if not SPLIT.fullmatch(split):
        return {}
    measured = {
        key.removeprefix(f"{split}_"): value
        for key, value in values.items()
        if key.startswith(f"{split}_") and _is_finite(value)
    }
    names = [name for name in measured if NAME.fullmatch(name)][:MAX_METRICS]
    first = next((name for name in names if name != "loss"), None)
    if first is None:
        return {}
    headline = HEADLINES.get(first, {"name": first, "format": "number", "direction": "lower"})
    return {
        "headline": headline,
        "split": split,
        "metrics": {name: measured[name] for name in names},
    }


def _is_finite(value: object) -> bool:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return False
    return math.isfinite(value)
