"""`distnet reserve` and `distnet reservations`: nodes that are kept for some users and teams."""

import time
from typing import Annotated, Any

import typer

from distnet.cli.connect import connect
from distnet.cli.options import AsJson, Context, Server
from distnet.cli.output import echo, print_json, say
from distnet.cli.table import Column, print_table
from distnet.client.client import Json
from distnet.client.times import future_time
from distnet.report.text import local_time

Name = Annotated[str, typer.Argument(metavar="NAME", help="Name of the reservation.")]
COLUMNS = [Column(head) for head in ("name", "state", "from", "to", "for", "nodes")]


def reserve(
    name: Name,
    end: Annotated[str, typer.Option(metavar="TIME", help="When it ends.")],
    nodes: Annotated[
        str, typer.Option(metavar="N|NODE,...", help="How many nodes, or which: gpu1,gpu2.")
    ],
    start: Annotated[
        str | None,
        typer.Option(metavar="TIME", help="2026-12-01T08:00 (local), 08:00 or +2h. Default: now."),
    ] = None,
    user: Annotated[list[str], typer.Option(metavar="USER", help="May use them. Repeatable.")] = [],  # noqa: B006 - typer copies it
    team: Annotated[
        list[str], typer.Option(metavar="TEAM", help="Its users may use them. Repeatable.")
    ] = [],  # noqa: B006
    server: Server = None,
    context: Context = None,
    as_json: AsJson = False,
) -> None:
    """Reserve nodes for some users and teams: in that time, only their jobs start there.

    Jobs of others that still run there at the start save a checkpoint, stop, and wait for other
    nodes. One that is not preemptible is not stopped, and does not start there if it may run into
    the reservation. With a number of nodes, the server chooses those with the least work.
    """
    now = time.time()
    request: dict[str, Any] = {"name": name, "users": user, "teams": team}
    request |= {"starts_at": future_time(start, now=now) if start else now}
    request |= {"ends_at": future_time(end, now=now)}
    names = [word.strip() for word in nodes.split(",") if word.strip()]
    request |= {"count": int(nodes)} if nodes.isdecimal() else {"nodes": names}
    made = connect(server, context).reserve(request)
    if as_json:
        print_json(made)
    else:
        _show([made])


def list_(server: Server = None, context: Context = None, as_json: AsJson = False) -> None:
    """List the reservations that have not ended, the next one first."""
    found = connect(server, context).reservations()
    if as_json:
        print_json(found)
    elif found:
        _show(found)
    else:
        say("no reservations; make one with: distnet reserve NAME --end TIME --nodes N --team TEAM")


def cancel(
    name: Name, server: Server = None, context: Context = None, as_json: AsJson = False
) -> None:
    """Cancel a reservation: its nodes are free for all, and jobs in it continue."""
    connect(server, context).cancel_reservation(name)
    if as_json:
        print_json({"name": name, "is_cancelled": True})
    else:
        echo(f"{name} is cancelled")


def _show(reservations: list[Json]) -> None:
    print_table(COLUMNS, [_row(one) for one in reservations])


def _row(one: Json) -> list[str]:
    window = [local_time(one["starts_at"]), local_time(one["ends_at"])]
    whom = ", ".join((*one["users"], *(f"team {team}" for team in one["teams"])))
    state = "active" if one["is_active"] else "planned"
    return [one["name"], state, *window, whom, ", ".join(one["nodes"])]
