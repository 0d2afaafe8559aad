"""`distnet data inspect`."""

from pathlib import Path
from typing import Annotated

import typer

from distnet.cli.data.tables import show_dataset, split_order
from distnet.cli.options import AsJson, Dataset
from distnet.cli.output import say
from distnet.data.images.contact_sheet import draw_contact_sheet
from distnet.data.manifest import read_manifest
from distnet.data.shipped import find_dataset

Picture = Annotated[
    Path | None,
    typer.Option(metavar="FILE.png", help="Draw some images of every class into this file."),
]


def inspect(dataset: Dataset, picture: Picture = None, as_json: AsJson = False) -> None:
    """Show what a dataset contains."""
    folder = find_dataset(dataset, folder=Path())
    manifest = read_manifest(folder)
    if picture is not None:
        draw_contact_sheet(folder, manifest, picture, split=split_order(manifest)[0])
    show_dataset(folder, manifest, as_json=as_json)
    if picture is not None:
        say(f"wrote {picture}")
