"""`distnet schema`."""

import json

import typer

from distnet.cli.options import AsJson
from distnet.cli.output import print_json
from distnet.spec.schema import job_schema


def schema(as_json: AsJson = False) -> None:
    """Print the JSON Schema of job files, for editors.

    Editors complete and check job files by it. It is JSON in any case; --json puts it on one line.
    """
    if as_json:
        print_json(job_schema())
    else:
        typer.echo(json.dumps(job_schema(), indent=2))
