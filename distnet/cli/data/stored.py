"""`distnet data stored` and `distnet data remove`: the datasets that a server keeps."""

import re
from typing import Annotated, Any

import typer

from distnet.cli.connect import connect
from distnet.cli.options import AsJson, Context, Server
from distnet.cli.output import print_json, say
from distnet.cli.table import Column, print_table
from distnet.client.client import Client, Json
from distnet.errors import DataError
from distnet.report.text import local_time
from distnet.spec.amounts import shown_bytes
from distnet.spec.content import PREFIX

SHORT = 12
"""Characters of a sha256 that tables show."""
COLUMNS = (
    Column("SHA256"),
    Column("NAME", least=16),
    Column("SAMPLES", is_number=True),
    Column("SIZE", is_number=True),
    Column("OWNER"),
    Column("LAST USED"),
    Column("IN USE"),
    Column("UPLOADED", is_number=True),
)
Sha256 = Annotated[
    str, typer.Argument(metavar="SHA256", help="Its sha256, or the first characters of it.")
]


def stored(server: Server = None, context: Context = None, as_json: AsJson = False) -> None:
    """List the datasets that a server keeps, the last used first.

    Uploads that are not complete are listed, too.
    """
    found = connect(server, context).datasets()
    if as_json:
        print_json(found)
        return
    print_table(COLUMNS, [_row(dataset) for dataset in found["datasets"]])
    used, most = shown_bytes(found["num_bytes"]), shown_bytes(found["most_bytes"])
    say(f"{used} of {most}")


def remove(
    sha256: Sha256, server: Server = None, context: Context = None, as_json: AsJson = False
) -> None:
    """Remove a dataset from a server; one that an open or recurring job has stays.

    An upload that is not complete can be removed, too.
    """
    client = connect(server, context)
    dataset = _matching(client, sha256)
    client.remove_dataset(dataset["sha256"])
    if as_json:
        print_json(dataset)
    else:
        say(f"removed {dataset['name']}, {shown_bytes(dataset['num_bytes'])}")


def _matching(client: Client, text: str) -> Json:
    """The dataset whose sha256 begins with a text.

    Raises:
        DataError: there is none, or several.
    """
    begin = text.removeprefix(PREFIX)
    datasets: list[dict[str, Any]] = client.datasets()["datasets"]
    found = [dataset for dataset in datasets if dataset["sha256"].startswith(begin)]
    if re.fullmatch("[0-9a-f]{1,64}", begin) and len(found) == 1:
        return found[0]
    wrong = f"{len(found)} datasets that begin so" if begin and found else "no such dataset"
    raise DataError(
        f"found {wrong} on {client.target.server}: {text}; expected the first characters of the "
        "SHA256 of one; see: distnet data stored"
    )


def _row(dataset: Json) -> list[str]:
    return [
        dataset["sha256"][:SHORT],
        dataset["name"],
        f"{dataset['num_samples']:,}",
        shown_bytes(dataset["num_bytes"]),
        dataset["owner"],
        local_time(dataset["used_at"]),
        "yes" if dataset["is_in_use"] else "",
        _uploaded(dataset),
    ]


def _uploaded(dataset: Json) -> str:
    """How much of a dataset has arrived; rounded down, so that 100% is all of it."""
    if dataset["is_complete"]:
        return "100%"
    return f"{min(99, 100 * dataset['num_received'] // max(1, dataset['num_bytes']))}%"
