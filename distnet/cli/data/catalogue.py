"""`distnet data list`."""

from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any

import typer

from distnet.cli.options import AsJson
from distnet.cli.output import echo, print_json, say
from distnet.cli.table import Column, print_table
from distnet.data.catalogue.entry import Entry
from distnet.data.catalogue.names import DATASETS, raw_folder
from distnet.data.catalogue.origin import origin_of
from distnet.data.catalogue.read import read_catalogue, read_entry
from distnet.data.download.waiting import waiting_folder
from distnet.data.manifest import MANIFEST
from distnet.spec.amounts import shown_bytes

COLUMNS = (
    Column("NAME"),
    Column("SIZE", is_number=True),
    Column("LICENCE"),
    Column("HERE"),
    Column("PUBLISHER", least=12),
    Column("JOB FILES", least=14),
    Column("PAGE"),
)
Datasets = Annotated[
    Path, typer.Option("--datasets", metavar="DIR", help="The folder of datasets and raw files.")
]
Named = Annotated[
    str | None, typer.Argument(metavar="[NAME]", help="Show all that is known of this data set.")
]


def list_(name: Named = None, datasets: Datasets = DATASETS, as_json: AsJson = False) -> None:
    """List the data sets that can be fetched by name, and which of them are here.

    They are those that the shipped job files need. With a name it shows one of them: its addresses,
    how it is verified, and the command that imports it.
    """
    entries = [read_entry(name)] if name else read_catalogue()
    if as_json:
        facts = [_facts(entry, datasets) for entry in entries]
        print_json(facts[0] if name else facts)
    elif name:
        for line in _described(entries[0], datasets):
            echo(line)
    else:
        print_table(COLUMNS, [_row(entry, datasets) for entry in entries])
        say("fetch one with: distnet data fetch NAME")


def size(entry: Entry) -> str:
    """The size of all downloads, as it is shown."""
    return ("" if entry.is_exact else "about ") + shown_bytes(entry.num_bytes)


def is_imported(dataset: Path) -> bool:
    """Whether a dataset is here."""
    return (dataset / MANIFEST).is_file()


def _here(entry: Entry, datasets: Path) -> str:
    """What of a data set is here: the dataset, else its raw files, else a part of them."""
    raw = raw_folder(datasets, entry.name)
    if is_imported(datasets / entry.name):
        return "imported"
    if raw.is_dir():
        return "raw files"
    return "a part" if waiting_folder(raw).is_dir() else ""


def _row(entry: Entry, datasets: Path) -> list[str]:
    here, jobs = _here(entry, datasets), ", ".join(entry.jobs)
    return [entry.name, size(entry), entry.licence, here, entry.publisher, jobs, entry.page]


def _facts(entry: Entry, datasets: Path) -> dict[str, Any]:
    return {
        "name": entry.name,
        "title": entry.title,
        "publisher": entry.publisher,
        "licence": entry.licence,
        "page": entry.page,
        "num_bytes": entry.num_bytes,
        "is_exact": entry.is_exact,
        "addresses": [download.address for download in origin_of(entry, None).downloads],
        "verified": entry.verified,
        "mirror": entry.mirror.file,
        "here": _here(entry, datasets),
        "jobs": list(entry.jobs),
        "import": entry.import_command(raw_folder(datasets, entry.name), datasets / entry.name),
    }


def _described(entry: Entry, datasets: Path) -> Iterator[str]:
    """The same for a reader, a line for each value."""
    facts = _facts(entry, datasets) | {"size": size(entry), "here": _here(entry, datasets) or "no"}
    order = ("name", "title", "publisher", "licence", "page", "size", "addresses", "verified")
    for key in (*order, "mirror", "here", "jobs", "import"):
        values = facts[key] if isinstance(facts[key], list) else [facts[key]]
        for head, value in zip((key, *[""] * len(values)), values, strict=False):
            yield f"{head:<10} {value}"
