"""`distnet team`: what each team is entitled to."""

from typing import Annotated, Any

import typer

from distnet.cli.queue.connect import AsJson, Context, Server, connect, print_json, say
from distnet.cli.table import Column, print_table
from distnet.errors import DistnetError

UNLIMITED = "none"

Amount = Annotated[str | None, typer.Option(metavar="N|none", help="none is without limit.")]


def register(app: typer.Typer) -> None:
    """Add the commands."""
    group = typer.Typer(
        no_args_is_help=True,
        help="Shares, quotas and limits of teams.",
        epilog="Example: distnet team set vision --weight 2 --quota-gpus 8",
    )
    group.command("list", epilog="Example: distnet team list")(list_)
    group.command("set", epilog="Example: distnet team set vision --weight 2 --quota-gpus 8")(set_)
    app.add_typer(group, name="team")


def list_(server: Server = None, context: Context = None, as_json: AsJson = False) -> None:
    """List teams: their share, what is their own, what they never exceed."""
    teams = connect(server, context).teams()
    if as_json:
        print_json(teams)
    elif teams:
        _show(teams)
    else:
        say("no team has a quota; set one with: distnet team set NAME --quota-cpus 16")


def set_(
    name: Annotated[str, typer.Argument(metavar="NAME", help="The team's name.")],
    weight: Annotated[
        float | None, typer.Option(min=0.001, help="Its share when several compete; else 1.")
    ] = None,
    quota_cpus: Amount = None,
    quota_gpus: Amount = None,
    limit_cpus: Amount = None,
    limit_gpus: Amount = None,
    server: Server = None,
    context: Context = None,
    as_json: AsJson = False,
) -> None:
    """Set what a team is entitled to; what is not named stays as it is.

    A quota is its own, which it may take back from others; a limit it never exceeds.
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
    from distnet.report.text import number

    keys = ("weight", "quota_cpus", "quota_gpus", "limit_cpus", "limit_gpus")
    columns = [Column("team"), *(Column(key.replace("_", " "), is_number=True) for key in keys)]
    rows = [[team["name"], *(number(team[key]) for key in keys)] for team in teams]
    print_table(columns, rows)
