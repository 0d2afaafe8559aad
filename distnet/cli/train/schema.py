"""`distnet schema`."""

import json

import typer

from distnet.cli.options import AsJson
from distnet.spec.schema import job_schema


def schema(as_json: AsJson = False) -> None:
    """Print the JSON Schema of job files, for editors.

    Editors complete and check job files by it. It is JSON in any case; --json puts it on one line.
    """
    typer.echo(json.dumps(job_schema(), indent=None if as_json else 2))
