"""`distnet doctor`."""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated

import typer

from distnet.cli.cluster.arguments import fleet_of, read_file
from distnet.cli.cluster.findings import findings_as_json, show_findings, summary
from distnet.cli.cluster.progress import Lines
from distnet.cli.exit_codes import FAULTS, STOPPED
from distnet.cli.options import RUNS, AsJson, Runs
from distnet.cli.output import print_json, say
from distnet.client import contexts
from distnet.cluster.doctor.examine import HERE, examine_here, examine_hosts, examine_ray
from distnet.cluster.doctor.facts import Examination
from distnet.cluster.doctor.finding import Level, worst
from distnet.cluster.doctor.judge import judge
from distnet.cluster.hosts.fleet import INTERRUPTED
from distnet.errors import DistnetError

RAY_TOKEN = "~/.ray/auth_token"

ClusterFileOption = Annotated[
    Path | None, typer.Option("--cluster", metavar="FILE", help="Examine the hosts of this file.")
]
Address = Annotated[
    str | None,
    typer.Option(metavar="RAY", help="Examine all nodes of the Ray at HOST:PORT, or auto."),
]
All = Annotated[bool, typer.Option("--all", help="List notes and what is ok, too.")]


def doctor(
    cluster: ClusterFileOption = None,
    address: Address = None,
    runs: Runs = RUNS,
    shows_all: All = False,
    as_json: AsJson = False,
) -> None:
    """Find out what is wrong with this machine or a cluster, and what to do about it.

    Exit code 0: no faults; 1: faults, with which jobs fail or hang.

    With --cluster or --address all nodes are compared, and the links between them are measured:
    who reaches whom, with packets of any size, and how long an exchange between all of them takes.
    """
    if cluster is not None and address is not None:
        raise DistnetError("found --cluster and --address, expected one of them")
    examination = _examined(cluster, address, runs.absolute(), is_quiet=as_json)
    if any(failed.step == INTERRUPTED for failed in examination.failed):
        say("interrupted; nothing was changed")
        raise typer.Exit(STOPPED)
    findings = judge(examination)
    if as_json:
        nodes = [node.name for node in examination.nodes]
        print_json({"nodes": nodes, "findings": findings_as_json(findings)})
    else:
        show_findings(findings, shows_all=shows_all)
        say(summary(findings))
    if worst(findings) is Level.FAULT:
        raise typer.Exit(FAULTS)


def _examined(
    cluster: Path | None, address: str | None, runs: Path, *, is_quiet: bool
) -> Examination:
    if cluster is not None:
        return _of_hosts(cluster, is_quiet=is_quiet)
    name = HERE if address is None else address
    with Lines([name], is_quiet=is_quiet).shown() as report:
        if address is None:
            return examine_here(str(runs), _secrets(), report)
        return examine_ray(address, str(runs), _secrets(), report)


def _of_hosts(path: Path, *, is_quiet: bool) -> Examination:
    read, cluster = read_file(path)
    with fleet_of(read) as fleet:
        lines = Lines([host.name for host in read.hosts], is_quiet=is_quiet)
        with lines.shown() as report:
            return examine_hosts(read, cluster, fleet, read.hosts, report, is_quick=False)


def _secrets() -> Mapping[str, str]:
    """Files of this user that hold tokens."""
    return {
        "contexts": str(contexts.contexts_file()),
        "ray": os.environ.get("RAY_AUTH_TOKEN_PATH", RAY_TOKEN),
    }
