"""Read the entries of the catalogue."""

from difflib import get_close_matches
from pathlib import Path

from distnet.data.catalogue.entry import Entry
from distnet.data.catalogue.names import entry_file, names
from distnet.errors import DataError
from distnet.spec.reading.yaml import read_yaml


def read_entry(name: str) -> Entry:
    """Read the entry of a data set.

    Raises:
        DataError: the catalogue has none of that name.
    """
    if name not in names():
        nearest = get_close_matches(Path(name).stem, names(), 1)
        expected = f"did you mean {nearest[0]}?" if nearest else f"expected {', '.join(names())};"
        raise DataError(
            f"found no data set {name!r} in the catalogue, {expected} see: distnet data list"
        )
    value = read_yaml(entry_file(name).read_text(encoding="utf-8")).value
    assert isinstance(value, dict)
    return Entry.model_validate({"name": name, **value})


def read_catalogue() -> list[Entry]:
    """Read all entries, in the order of their names."""
    return [read_entry(name) for name in names()]
