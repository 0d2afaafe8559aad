"""The index of a sprite sheet: a JSON list with an object for each sprite.

    [{"sheet_x": 0, "sheet_y": 3, "name": "RED APPLE", "category": "Food & Drink", ...}, ...]

`sheet_x` is the column and `sheet_y` the row of the sprite's cell, both counted from 0.
"""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

from distnet.data.sources.files.json_file import read_json
from distnet.data.sources.files.unreadable import Unreadable
from distnet.data.sources.texts.utf8 import is_unicode
from distnet.errors import DataError

COLUMN, ROW = "sheet_x", "sheet_y"
LOOKED_AT = 4096  # bytes, by which an index is recognised
BEGINNING = re.compile(rb"\s*\[\s*\{")


class Sprite(NamedTuple):
    """One entry of the index."""

    location: str
    """The file and the number of the entry, for errors."""
    column: int
    row: int
    name: str
    label: str


def is_index(file: Path) -> bool:
    """Whether a JSON file begins as the index of a sprite sheet does."""
    if file.suffix.lower() != ".json" or not file.is_file():
        return False
    try:
        with file.open("rb") as content:
            beginning = content.read(LOOKED_AT)
    except OSError:
        return False
    return BEGINNING.match(beginning) is not None and f'"{COLUMN}"'.encode() in beginning


def read_index(file: Path, name: str, label: str, unreadable: Unreadable) -> list[Sprite]:
    """Read all entries; those with faults are counted as unreadable.

    Args:
        file: the index.
        name: the key of an entry's name.
        label: the key of its class.
        unreadable: takes the faulty entries.

    Raises:
        DataError: it is no list of entries.
    """
    return list(_sprites(file, _entries(file), name, label, unreadable))


def _entries(file: Path) -> list[Any]:
    entries = read_json(file)
    if not isinstance(entries, list) or not entries:
        found = "an empty list" if entries == [] else f"a JSON {type(entries).__name__}"
        raise DataError(f"{file}: found {found}, expected a list with an object for each sprite")
    return entries


def _sprites(
    file: Path, entries: list[Any], name: str, label: str, unreadable: Unreadable
) -> Iterator[Sprite]:
    cells: dict[tuple[int, int], int] = {}
    for index, entry in enumerate(entries):
        location = f"{file}: sprite {index} (counted from 0)"
        fault = _fault(entry, name, label)
        if fault is None:
            cell = entry[COLUMN], entry[ROW]
            first = cells.setdefault(cell, index)
            if first == index:
                yield Sprite(location, *cell, entry[name].strip(), entry[label].strip())
                continue
            fault = f"its cell is that of sprite {first}: column {cell[0]}, row {cell[1]}"
        unreadable.add(location, DataError(f"{location}: {fault}; repair the entry"), "sprites")


def _fault(entry: Any, name: str, label: str) -> str | None:
    """What is wrong with an entry by itself."""
    if not isinstance(entry, dict):
        return f"found {json.dumps(entry)[:40]}, expected an object"
    for key in (COLUMN, ROW):
        value = entry.get(key)
        if not isinstance(value, int) or isinstance(value, bool) or value < 0:
            return f"found {_found(entry, key)} as {key}, expected 0 or a larger whole number"
    for key in (name, label):
        value = entry.get(key)
        if not isinstance(value, str) or not value.strip():
            return f"found {_found(entry, key)} as {key}, expected a text"
        if not is_unicode(value):
            return f"found {_found(entry, key)} as {key}, which has half of a surrogate pair"
    return None


def _found(entry: dict[str, Any], key: str) -> str:
    return json.dumps(entry[key])[:40] if key in entry else "nothing"
