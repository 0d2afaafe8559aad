"""A forecast as a table on the terminal."""

from collections.abc import Sequence

from distnet.cli.table import Column, print_table
from distnet.cluster.forecast.forecast import HOUR_S, Row
from distnet.report.text import number

COLUMNS = (
    Column("WORKERS", is_number=True),
    Column("HOSTS", is_number=True),
    Column("STEP MS", is_number=True),
    Column("COMPUTE", is_number=True),
    Column("EXCHANGE", is_number=True),
    Column("EFFICIENCY", is_number=True),
    Column("SAMPLES/S", is_number=True),
    Column("HOURS", is_number=True),
)
COST = Column("COST", is_number=True)
LIMIT = Column("LIMIT")


def show_rows(rows: Sequence[Row]) -> None:
    """Print a line for each number of workers."""
    has_cost = any(row.cost is not None for row in rows)
    columns = (*COLUMNS, *([COST] if has_cost else []), LIMIT)
    print_table(columns, [_cells(row, has_cost=has_cost) for row in rows])


def _cells(row: Row, *, has_cost: bool) -> list[str]:
    cells = [
        f"{row.workers:,}",
        f"{row.hosts:,}",
        _three(1000 * row.step_s),
        _three(1000 * row.compute_s),
        _three(1000 * row.exchange.seconds),
        f"{100 * row.efficiency:.1f}%",
        f"{row.samples_per_s:,.0f}",
        _three(row.run_s / HOUR_S),
    ]
    if has_cost:
        cells.append("-" if row.cost is None else _three(row.cost))
    return [*cells, row.limit]


def _three(value: float) -> str:
    """Write a number with three digits: 0.0123, 1.23, 12.3, 1,234."""
    return number(float(f"{value:.3g}")) if value < 1000 else f"{value:,.0f}"
