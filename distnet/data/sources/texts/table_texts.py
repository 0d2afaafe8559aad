"""The texts of a CSV or Parquet file, for a network that learned from texts."""

from collections.abc import Callable, Sequence
from pathlib import Path

from distnet.data.csv.dialect import parse_delimiter
from distnet.data.csv.table import CsvTable
from distnet.data.sources.tables.parquet_table import ParquetTable, is_parquet
from distnet.data.sources.tables.table import Table
from distnet.data.sources.texts.choose import USUAL_NAMES, has_names, wordiest
from distnet.data.sources.texts.column import TextColumn
from distnet.data.survey.summary import Findings
from distnet.errors import DataError
from distnet.spec.plural import listed

MOST_NAMES = 20


def table_texts(
    path: Path, learned: str, delimiter: str | None = None
) -> tuple[list[str], Callable[[int], str]]:
    """Read the column of texts.

    Args:
        path: the file.
        learned: the column that the network learned from; empty if that is not known: then the
            column whose cells have most words.
        delimiter: of CSV; by default recognised.

    Returns:
        The texts, and where text n (from 1) stands, for messages.

    Raises:
        DataError: there is no such column, it holds no text, or a text is empty.
    """
    table = _open(path, learned, delimiter)
    name = _column(table, learned)
    column = TextColumn(name, Findings(), skip=False)
    texts: list[str] = []
    for batch in table.batches((name,)):
        column.add(batch, len(texts), table)
        texts += column.texts(batch)
    column.check()
    if not texts:
        raise DataError(f"{path}: found no rows, expected one for each text")
    return texts, lambda number: f"{table.location(number - 1)} {name}"


def _open(path: Path, learned: str, delimiter: str | None) -> Table:
    if is_parquet(path):
        return ParquetTable(path)
    delimiter = None if delimiter is None else parse_delimiter(delimiter)
    # A column that is called by its number had no name: a cell that is the same number is none.
    given = () if learned.isdecimal() else (learned,)
    is_named = has_names(path, delimiter, None, given, Findings())
    table = CsvTable(path, delimiter, has_header=is_named)
    if is_named and len(table.columns) == 1 and not _is_name(table.columns[0], given):
        return CsvTable(path, delimiter, has_header=False)
    return table


def _is_name(cell: str, given: Sequence[str]) -> bool:
    """Whether the first cell of a file with one column names it; else it is a text as well."""
    return cell in given or cell.lower() in USUAL_NAMES


def _column(table: Table, learned: str) -> str:
    if learned in table.columns:
        return learned
    if len(table.columns) == 1:
        return table.columns[0]
    if not learned:
        return wordiest(table, table.columns, Findings())
    raise DataError(
        f"{table.path}: found no column {learned!r}, the texts that the network learned from; "
        f"there are: {listed(table.columns, MOST_NAMES)}"
    )
