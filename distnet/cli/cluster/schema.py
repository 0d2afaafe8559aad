"""`distnet cluster schema`."""

import json

import typer

from distnet.cli.options import AsJson
from distnet.cli.output import print_json
from distnet.cluster.file.schema import cluster_schema


def schema(as_json: AsJson = False) -> None:
    """Print the JSON Schema of cluster files, for editors.

    It is JSON in any case; --json puts it on one line.
    """
    if as_json:
        print_json(cluster_schema())
    else:
        typer.echo(json.dumps(cluster_schema(), indent=2))
