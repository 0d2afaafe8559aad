"""`distnet ps`."""

import sys
import time
from typing import Annotated, Any

import typer

from distnet.cli.connect import connect
from distnet.cli.options import Array, AsJson, Context, Limit, Owner, Server, Team
from distnet.cli.output import echo, print_json, say
from distnet.cli.queue.jobs_table import queue_lines
from distnet.cli.table import print_lines, terminal_width
from distnet.client.client import Client, Json

WATCH_EVERY_S = 2.0
CLEAR = "\x1b[H\x1b[2J"  # cursor home, screen empty

After = Annotated[
    str | None,
    typer.Option(metavar="CURSOR", help="Show the next page, from the cursor of the last one."),
]


def ps(
    all_: Annotated[bool, typer.Option("--all", help="Include jobs that have ended.")] = False,
    owner: Owner = None,
    team: Team = None,
    array: Array = None,
    watch: Annotated[
        bool, typer.Option("--watch", help="Refresh every 2 s, until Ctrl-C.")
    ] = False,
    limit: Limit = 50,
    after: After = None,
    server: Server = None,
    context: Context = None,
    as_json: AsJson = False,
) -> None:
    """List the running and queued jobs of a server, in the order of the queue.

    The metric is the job's headline metric of its last evaluation, the loss that of training.
    """
    client = connect(server, context)
    query = {"owner": owner, "team": team, "array": array, "limit": limit, "after": after}
    query["state"] = "all" if all_ else None
    if watch:
        _watch(client, query, as_json=as_json)
        return
    page = client.jobs(**query)
    if as_json:
        print_json(page)
        return
    _show(page)
    if page["next"]:
        say(f"{page['num_total']:,} jobs in all; next page: --after {page['next']}")


def _show(page: Json) -> None:
    if page["jobs"]:
        print_lines(queue_lines(page["jobs"], width=terminal_width()))
    else:
        say(
            "no such jobs; those that have ended: distnet history; submit one with: "
            "distnet submit JOB"
        )


def _watch(client: Client, query: dict[str, Any], *, as_json: bool) -> None:
    if as_json:
        raise typer.BadParameter("found --watch and --json, expected one: --watch shows a table")
    client = client.patient()
    try:
        while True:
            page = client.jobs(**query)
            if sys.stdout.isatty():
                sys.stdout.write(CLEAR)
            echo(f"{time.strftime('%H:%M:%S')}  {client.target.server}")
            _show(page)
            time.sleep(WATCH_EVERY_S)
    except KeyboardInterrupt:
        return  # the usual way to end it
