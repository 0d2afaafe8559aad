"""`distnet cluster nodes`."""

from collections.abc import Mapping
from typing import Any

from distnet.cli.cluster.arguments import File, fleet_of, read_file
from distnet.cli.options import AsJson
from distnet.cli.output import print_json
from distnet.cli.table import Column, print_table
from distnet.cluster.hosts.down import control_of, observe

COLUMNS = (
    Column("NODE"),
    Column("STATE"),
    Column("ADDRESS"),
    Column("CPUS", is_number=True),
    Column("GPUS", is_number=True),
    Column("RAY ID"),
)


def nodes(file: File, as_json: AsJson = False) -> None:
    """List the nodes of a cluster as its Ray has them.

    `distnet cluster status` shows what each host itself says.
    """
    read, cluster = read_file(file)
    with fleet_of(read) as fleet:
        found = control_of(fleet, read.head, cluster.name, cluster.folder).members()
        outcomes = observe(fleet, read.hosts, cluster.name, cluster.folder)
    names = {
        outcome.result["node"]["address"]: name
        for name, outcome in outcomes.items()
        if outcome.result and outcome.result["node"]
    }
    rows = [{"name": names.get(row["address"]), **row} for row in found]
    if as_json:
        print_json({"cluster": cluster.name, "nodes": rows})
    else:
        print_table(COLUMNS, [_row(row) for row in rows])


def _row(facts: Mapping[str, Any]) -> list[str]:
    counts = [f"{facts['cpus']:g}", f"{facts['gpus']:g}"]
    name = facts["name"] or "not in the file"
    return [name, facts["state"], str(facts["address"]), *counts, str(facts["id"])[:12]]
