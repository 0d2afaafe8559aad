"""The names of the data sets, and their folders, for code that needs no more of the catalogue."""

import os
from pathlib import Path

from distnet.spec.printable import argument

ENTRIES = Path(__file__).parent / "entries"
DATASETS = Path("datasets")
"""Where data sets are fetched to, from the current folder."""


def names() -> list[str]:
    """List the names of all data sets in the catalogue."""
    return sorted(path.stem for path in ENTRIES.glob("*.yaml"))


def entry_file(name: str) -> Path:
    """The file of a data set's entry."""
    return ENTRIES / f"{name}.yaml"


def raw_folder(datasets: Path, name: str) -> Path:
    """The folder of a data set's raw files, beside the datasets that are made of them."""
    return datasets / "raw" / name


def fetch_command(dataset: Path) -> str | None:
    """The command that makes a dataset at this path; None where the catalogue has none like it."""
    if dataset.name not in names() or dataset.parent.name != DATASETS.name:
        return None
    if dataset.parent.resolve() == DATASETS.resolve():
        return f"distnet data fetch {dataset.name}"
    return f"distnet data fetch {dataset.name} --datasets {argument(shown(dataset.parent))}"


def shown(path: Path) -> Path:
    """A path without `..` in the middle, from the current folder if it is in it."""
    whole = Path(os.path.abspath(path))
    return whole.relative_to(Path.cwd()) if whole.is_relative_to(Path.cwd()) else whole
