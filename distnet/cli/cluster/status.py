"""`distnet cluster status`."""

import time
from collections.abc import Mapping
from typing import Any

import typer

from distnet.cli.cluster.arguments import File, error_facts, fleet_of, raise_failed, read_file
from distnet.cli.exit_codes import FAILED
from distnet.cli.options import AsJson
from distnet.cli.output import print_json, say
from distnet.cli.table import Column, print_table
from distnet.cluster.hosts.down import observe
from distnet.cluster.hosts.fleet import Outcome

COLUMNS = (
    Column("HOST"),
    Column("STATE"),
    Column("ROLE"),
    Column("ADDRESS"),
    Column("CPUS", is_number=True),
    Column("GPUS", is_number=True),
    Column("SINCE", is_number=True),
    Column("RESTARTS", is_number=True),
)


def status(file: File, as_json: AsJson = False) -> None:
    """Show what runs on each host of a cluster.

    Exit code 0: all hosts are up; 3: some are not; 2: some cannot be reached.
    """
    read, cluster = read_file(file)
    with fleet_of(read) as fleet:
        outcomes = observe(fleet, read.hosts, cluster.name, cluster.folder)
    rows = {name: _facts(outcome) for name, outcome in outcomes.items()}
    if as_json:
        print_json({"cluster": cluster.name, "hosts": [{"name": n, **f} for n, f in rows.items()]})
    else:
        print_table(COLUMNS, [_row(name, facts) for name, facts in rows.items()])
        for name, facts in rows.items():
            for part in ("ray", "server"):
                if facts[f"{part}_error"]:
                    say(f"{name}: {part}: {facts[f'{part}_error']}")
    raise_failed(outcomes, "cannot be observed", as_json=as_json)
    if any(facts["state"] != "up" for facts in rows.values()):
        raise typer.Exit(FAILED)


def _facts(outcome: Outcome[dict[str, Any]]) -> dict[str, Any]:
    found = outcome.result or {}
    node, state = found.get("node") or {}, found.get("state") or {}
    ray, server = state.get("ray") or {}, state.get("server") or {}
    return {
        "state": _state(outcome, state),
        "role": node.get("role"),
        "address": node.get("address"),
        "cpus": node.get("num_cpus"),
        "gpus": node.get("num_gpus"),
        "since": ray.get("since"),
        "restarts": ray.get("num_restarts"),
        "ray_error": ray.get("error"),
        "server_error": server.get("error"),
        "error": error_facts(outcome.error),
    }


def _state(outcome: Outcome[Any], state: Mapping[str, Any]) -> str:
    if outcome.error is not None:
        return "unreachable"
    if not state:
        return "down"
    parts = [part for name in ("ray", "server") if (part := state.get(name))]
    return "up" if all(part["is_up"] for part in parts) else "starting"


def _row(name: str, facts: Mapping[str, Any]) -> list[str]:
    since = "-" if facts["since"] is None else _age(time.time() - facts["since"])
    keys = ("role", "address", "cpus", "gpus")
    texts = ["-" if facts[key] is None else str(facts[key]) for key in keys]
    return [name, facts["state"], *texts, since, str(facts["restarts"] or 0)]


def _age(seconds: float) -> str:
    minutes, hours = int(seconds // 60), int(seconds // 3600)
    if hours >= 48:
        return f"{hours // 24} d"
    return f"{hours} h" if hours else f"{minutes} min" if minutes else f"{int(seconds)} s"
