"""`distnet cluster schema`."""

import json

import typer

from distnet.cli.options import AsJson
from distnet.cluster.file.schema import cluster_schema


def schema(as_json: AsJson = False) -> None:
    """Print the JSON Schema of cluster files, for editors.

    It is JSON in any case; --json puts it on one line.
    """
    typer.echo(json.dumps(cluster_schema(), indent=None if as_json else 2))
