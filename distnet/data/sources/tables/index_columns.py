"""Columns that only number the rows, as pandas and R write them into files."""

import json
import re
from collections.abc import Mapping, Sequence
from typing import Any

import pyarrow as pa

from distnet.data.sources.tables.table import Table
from distnet.data.survey.summary import Findings

_INDEX_NAME = re.compile(r"|__index_level_\d+__|Unnamed: \d+(_level_\d+)?")


def pandas_index(schema: pa.Schema) -> tuple[str, ...]:
    """The columns that held the index of a table, by the metadata that pandas writes."""
    try:
        notes: Any = json.loads((schema.metadata or {}).get(b"pandas", b"{}"))
    except ValueError:
        return ()
    found = notes.get("index_columns") if isinstance(notes, dict) else None
    names = found if isinstance(found, list) else []
    return tuple(name for name in names if isinstance(name, str) and name in schema.names)


def index_columns(tables: Sequence[Table]) -> dict[str, str]:
    """The columns of any of the tables that are an index, and why they are taken for one."""
    columns = dict.fromkeys(name for table in tables for name in table.columns)
    unnamed = [name for name in columns if _INDEX_NAME.fullmatch(name)]
    why = dict.fromkeys(unnamed, "no name, or one that pandas gives to an index")
    noted = [name for table in tables for name in table.index]
    return why | dict.fromkeys(noted, "pandas wrote it as the index of the table")


def leave_out_index(
    columns: Sequence[str],
    index: Mapping[str, str],
    chosen: Sequence[str],
    findings: Findings,
) -> tuple[str, ...]:
    """Leave out, and report, the columns that are an index.

    Args:
        columns: of the tables.
        index: those that are one, and why.
        chosen: columns that the user has named.
        findings: of the import.

    Returns:
        The other columns.
    """
    left_out = {name: why for name, why in index.items() if name not in chosen}
    for name, why in left_out.items():
        option = "name it otherwise, if it is a feature"
        findings.left_out("columns", why, example=repr(name), option=option)
    return tuple(name for name in columns if name not in left_out)
