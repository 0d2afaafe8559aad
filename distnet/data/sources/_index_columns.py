"""Columns that only number the rows, as pandas and R write them into files."""

import json
import re
from collections.abc import Sequence
from typing import Any

import pyarrow as pa

from distnet.data.import_summary import Findings

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


def leave_out_index(
    columns: Sequence[str],
    index: Sequence[str],
    chosen: Sequence[str],
    findings: Findings,
) -> tuple[str, ...]:
    """Leave out, and report, the columns that are an index.

    Args:
        columns: of the table.
        index: those that the file itself says are one.
        chosen: columns that the user has named.
        findings: of the import.

    Returns:
        The other columns.
    """
    names = [name for name in columns if _INDEX_NAME.fullmatch(name)]
    why = dict.fromkeys(names, "no name, or one that pandas gives to an index")
    why |= dict.fromkeys(index, "pandas wrote it as the index of the table")
    kept = []
    for name in columns:
        if name in chosen or name not in why:
            kept.append(name)
        else:
            option = "name it otherwise, if it is a feature"
            findings.left_out("columns", why[name], example=repr(name), option=option)
    return tuple(kept)
