"""`distnet schema` and `distnet init`: what helps to write a job file."""

import json
from pathlib import Path
from typing import Annotated

import typer

Data = Annotated[
    str, typer.Argument(metavar="DATA", help="A dataset that ships with distnet, or its folder.")
]
Output = Annotated[Path, typer.Option("--output", "-o", metavar="FILE", help="The job file.")]
Force = Annotated[bool, typer.Option("--force", help="Replace the file if it is there.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON object on stdout.")]


def register(app: typer.Typer) -> None:
    """Add the commands."""
    app.command(epilog="Example: distnet schema > job.schema.json")(schema)
    app.command(epilog="Example: distnet init data/leaves --output leaves.yaml")(init)


def schema(as_json: AsJson = True) -> None:
    """Print the JSON schema of job files, with which editors complete and check them."""
