"""`distnet team`: shares, quotas and limits of teams."""

from typing import Annotated, Any

import typer

from distnet.cli.connect import connect
from distnet.cli.options import AsJson, Context, Server
from distnet.cli.output import print_json, say
from distnet.cli.table import Column, print_table
from distnet.errors import DistnetError
from distnet.report.text import number

UNLIMITED = "none"

Amount = Annotated[
    str | None, typer.Option(metavar="N|none", help="A number, or none for no limit.")
]


def list_(server: Server = None, context: Context = None, as_json: AsJson = False) -> None:
    """List teams with their share, quota and limit."""
    teams = connect(server, context).teams()
    if as_json:
        print_json(teams)
    elif teams:
        _show(teams)
    else:
        say("no teams; add one with: distnet team set NAME --quota-cpus 16")


def set_(
    name: Annotated[str, typer.Argument(metavar="NAME", help="Name of the team.")],
    weight: Annotated[
        float | None, typer.Option(min=0.001, help="Its share when teams compete. Default: 1.")
    ] = None,
    quota_cpus: Amount = None,
    quota_gpus: Amount = None,
    limit_cpus: Amount = None,
    limit_gpus: Amount = None,
    server: Server = None,
    context: Context = None,
    as_json: AsJson = False,
) -> None:
    """Set the share, quota and limit of a team; options left out keep their value.

    A quota is guaranteed: the team can take it back from others. A limit is never exceeded.
    """
    given = {"quota_cpus": quota_cpus, "quota_gpus": quota_gpus}
    given |= {"limit_cpus": limit_cpus, "limit_gpus": limit_gpus}
    changes: dict[str, Any] = {k: _amount(k, v) for k, v in given.items() if v is not None}
    changes |= {} if weight is None else {"weight": weight}
    client = connect(server, context)
    old = next((team for team in client.teams() if team["name"] == name), {"name": name})
    saved = client.save_team(old | changes)
    if as_json:
        print_json(saved)
    else:
        _show([saved])


def _amount(key: str, text: str) -> float | None:
    if text == UNLIMITED:
        return None
    try:
        amount = float(text)
    except ValueError:
        amount = -1.0
    if not 0 <= amount < float("inf"):
        option = key.replace("_", "-")
        raise DistnetError(f"--{option}: found {text!r}, expected a number or {UNLIMITED}")
    return amount


def _show(teams: list[dict[str, Any]]) -> None:
    keys = ("weight", "quota_cpus", "quota_gpus", "limit_cpus", "limit_gpus")
    columns = [Column("team"), *(Column(key.replace("_", " "), is_number=True) for key in keys)]
    rows = [[team["name"], *(number(team[key]) for key in keys)] for team in teams]
    print_table(columns, rows)
