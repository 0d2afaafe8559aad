"""`distnet cluster render`."""

from pathlib import Path
from typing import Annotated

import typer

from distnet.cli.cluster.arguments import File
from distnet.cli.options import AsJson
from distnet.cli.output import echo, print_json, say
from distnet.cluster.file.read import load_cluster
from distnet.cluster.made.maker import folder_of
from distnet.cluster.render.render import render as render_cluster
from distnet.cluster.render.rendered import Rendered
from distnet.cluster.render.write import write

Output = Annotated[
    Path | None,
    typer.Option(
        metavar="DIR",
        help="Write files into this folder, with the token and the wheel that they refer to.",
    ),
]


def render(file: File, output: Output = None, as_json: AsJson = False) -> None:
    """Print what Ray's launcher (aws, gcp) or Kubernetes reads of a cluster file.

    `distnet cluster up` does this too, and uses it. Here nothing is started, and no cloud is
    called. No token is printed: with --output, it is a file of mode 0600 beside the others.
    """
    cluster = load_cluster(file)
    folder = folder_of(cluster.name) if output is None else output.absolute()
    rendered = render_cluster(cluster, folder)
    if output is None:
        _print(rendered, as_json=as_json)
        return
    written = write(cluster, rendered, folder)
    if as_json:
        print_json(
            {"folder": str(folder), "files": [p.name for p in written], "next": rendered.next}
        )
        return
    for path in written:
        echo(path)
    say(f"next: {rendered.next}")


def _print(rendered: Rendered, *, as_json: bool) -> None:
    if as_json:
        print_json(rendered.documents)
    else:
        for line in rendered.stream.splitlines():
            echo(line)
    say(f"note: {rendered.note}")
