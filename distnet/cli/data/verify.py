"""`distnet data verify`."""

from pathlib import Path

import typer

from distnet.cli.data.progress import progress_bar
from distnet.cli.exit_codes import USER_ERROR
from distnet.cli.options import AsJson, Dataset
from distnet.cli.output import echo, print_json
from distnet.data.shipped import find_dataset
from distnet.data.verify import verify_dataset
from distnet.errors import DataError


def verify(dataset: Dataset, as_json: AsJson = False) -> None:
    """Check every byte and sample of a dataset against its manifest."""
    folder = find_dataset(dataset, folder=Path())
    with progress_bar("shards") as progress:
        task = progress.add_task("checking", total=None)
        faults = verify_dataset(
            folder,
            on_progress=lambda done, total: progress.update(task, completed=done, total=total),
        )
    if as_json:
        print_json({"dataset": str(folder), "faults": faults})
        raise typer.Exit(USER_ERROR if faults else 0)
    if faults:
        raise DataError("\n".join(faults))
    echo(f"{folder}: ok")
