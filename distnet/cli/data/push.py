"""`distnet data push`."""

from pathlib import Path

from distnet.cli.connect import connect
from distnet.cli.data.upload_progress import upload_progress
from distnet.cli.options import AsJson, Context, Dataset, Server
from distnet.cli.output import echo, print_json, say
from distnet.client.datasets import open_dataset
from distnet.client.datasets import push as upload
from distnet.data.shipped import find_dataset


def push(
    dataset: Dataset, server: Server = None, context: Context = None, as_json: AsJson = False
) -> None:
    """Upload a dataset to a server, and print what names it in job files.

    Only shards that the server lacks are sent. An upload that was interrupted goes on where it was.
    distnet submit does the same for the dataset of its job.
    """
    found = open_dataset(find_dataset(dataset, folder=Path()))
    client = connect(server, context)
    with upload_progress(found, client.target.server) as on_progress:
        pushed = upload(client, found, on_progress)
    if as_json:
        facts = {"source": found.source, "name": found.manifest.name, "bytes": found.num_bytes}
        print_json(facts | {"uploaded_bytes": pushed.num_bytes, "server": client.target.server})
        return
    if not pushed.num_bytes:
        say(f"{client.target.server} has {found.manifest.name} already")
    echo(f"data: {{source: {found.source}}}")
