"""`distnet cluster up`."""

import socket
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, Any
from urllib.parse import urlsplit

import typer

from distnet.cli.cluster.arguments import File, error_facts, fleet_of, raise_failed
from distnet.cli.cluster.findings import findings_as_json, show_findings
from distnet.cli.cluster.made import Yes, up_made
from distnet.cli.cluster.progress import Lines
from distnet.cli.exit_codes import FAULTS, STOPPED
from distnet.cli.options import AsJson
from distnet.cli.output import print_json, say
from distnet.cli.table import Column, print_table
from distnet.client import contexts
from distnet.cluster.doctor.examine import examine_hosts
from distnet.cluster.doctor.facts import Examination
from distnet.cluster.doctor.finding import Finding, Level, worst
from distnet.cluster.doctor.judge import judge
from distnet.cluster.file.providers import Local, Ssh
from distnet.cluster.file.read import ClusterFile, load_cluster
from distnet.cluster.hosts.fleet import Outcome
from distnet.cluster.hosts.up import BringUp, ClusterUp, Up
from distnet.cluster.ssh.command import by_hand
from distnet.server.start import own_name

CONNECT_S = 3.0
SKEW_S = 2.0
COLUMNS = (
    Column("HOST"),
    Column("STATE"),
    Column("ROLE"),
    Column("ADDRESS"),
    Column("CPUS", is_number=True),
    Column("GPUS", is_number=True),
    Column("TIME", is_number=True),
)
Use = Annotated[bool, typer.Option("--use/--no-use", help="Make its context the current one.")]
Doctor = Annotated[
    bool, typer.Option("--doctor/--no-doctor", help="Examine hosts of ssh at the end.")
]


def up(
    file: File,
    is_current: Use = True,
    is_examined: Doctor = True,
    is_agreed: Yes = False,
    as_json: AsJson = False,
) -> None:
    """Bring a cluster up, or repair it.

    Each host gets distnet, a token and its Ray node; the server runs beside the head. Hosts that
    are up are left alone, those that are new in the file are added, those that are gone from it
    are removed. A host that fails does not stop the others. At the end `distnet doctor` examines
    the nodes and the links between them; with faults the exit code is 1.

    On AWS and Google Cloud `ray up` makes the machines, which are billed; on Kubernetes kubectl
    applies the manifests, and KubeRay makes the pods. It prompts before that, and prints the
    command that opens the way to the server.
    """
    read = load_cluster(file)
    cluster = read.cluster
    if not isinstance(cluster, Local | Ssh):
        up_made(read, cluster, make_current=is_current, is_agreed=is_agreed, as_json=as_json)
        return
    up = bring_up(read, cluster, make_current=is_current, is_examined=is_examined, is_quiet=as_json)
    findings = [finding for finding in judge(up.examination) if finding.level > Level.NOTE]
    _show(read, up.done, up.address, findings, as_json=as_json)
    raise_failed({**up.done.hosts, **up.done.removed}, "failed", as_json=as_json)
    if worst(findings) is Level.FAULT:
        raise typer.Exit(FAULTS)


@dataclass(frozen=True)
class BroughtUp:
    """A cluster that was brought up."""

    done: ClusterUp
    address: str | None
    """At which this machine reaches the server; None: the head is not up."""
    examination: Examination


def bring_up(
    file: ClusterFile,
    cluster: Local | Ssh,
    *,
    make_current: bool,
    is_examined: bool,
    is_quiet: bool,
) -> BroughtUp:
    """Bring a cluster up and save its context.

    Raises:
        typer.Exit: the user has interrupted it.
    """
    with fleet_of(file) as fleet:
        lines = Lines([host.name for host in file.hosts], is_quiet=is_quiet)
        with lines.shown() as report:
            done = BringUp(
                file,
                fleet,
                user=own_name(),
                knows=lambda address: _knows(cluster, address),
                report=report,
            ).run()
            examination = Examination(())
            if is_examined and done.server is not None:
                nodes = [host for host in file.hosts if done.hosts[host.name].result]
                examination = examine_hosts(file, cluster, fleet, nodes, report, is_quick=True)
    if done.is_interrupted:
        say("interrupted; what was started has been ended again")
        raise typer.Exit(STOPPED)
    address = _save_context(file, cluster, done, make_current=make_current)
    return BroughtUp(done, address, examination)


def _knows(cluster: Local | Ssh, address: str) -> bool:
    """Whether the user has a token for the server at an address."""
    known = contexts.load().contexts.get(cluster.name)
    addresses = (address, _forwarded(cluster))
    return known is not None and known.token is not None and known.server in addresses


def _save_context(
    file: ClusterFile, cluster: Local | Ssh, done: ClusterUp, *, make_current: bool
) -> str | None:
    """Save the context; returns the address at which this machine reaches the server."""
    if done.server is None:
        return None
    address = done.server if _is_reachable(done.server) else _forwarded(cluster)
    known = contexts.load().contexts.get(cluster.name)
    token = done.token or (None if known is None else known.token)
    if known is not None and known.server != address:
        say(f"context {cluster.name} was {known.server}, and is {address} now")
    contexts.save(cluster.name, address, token, make_current=make_current)
    if address != done.server:
        target = by_hand(file.head).removeprefix("ssh ")
        forward = f"{cluster.server.port}:{urlsplit(done.server).netloc}"
        say(f"{done.server} cannot be reached from here; keep a tunnel open: ")
        say(f"  ssh -N -L {forward} {target}")
    return address


def _forwarded(cluster: Local | Ssh) -> str:
    """The address of the server at the near end of a tunnel."""
    return f"http://127.0.0.1:{cluster.server.port}"


def _is_reachable(address: str) -> bool:
    parts = urlsplit(address)
    try:
        socket.create_connection((parts.hostname, parts.port), timeout=CONNECT_S).close()
    except OSError:
        return False
    return True


def _show(
    file: ClusterFile,
    done: ClusterUp,
    address: str | None,
    findings: Sequence[Finding],
    *,
    as_json: bool,
) -> None:
    if as_json:
        print_json(_facts(file, done, address) | {"findings": findings_as_json(findings)})
        return
    print_table(COLUMNS, [_row(name, outcome) for name, outcome in done.hosts.items()])
    for name, removed in done.removed.items():
        say(f"{name}: removed" if removed.error is None else f"{name}: not removed")
    for name, outcome in done.hosts.items():
        if outcome.result is not None and abs(outcome.result.clock_skew_s) > SKEW_S:
            skew_s = outcome.result.clock_skew_s
            say(f"{name}: its clock is {skew_s:+.0f} s off this machine's; let it run NTP")
    show_findings(findings, shows_all=False)
    if address is not None:
        say(f"server at {address}, context {file.name}; try: distnet submit jobs/digits.yaml")


def _row(name: str, outcome: Outcome[Up]) -> list[str]:
    host = outcome.result
    seconds = f"{outcome.seconds:.0f} s"
    if host is None:
        return [name, "failed", "-", "-", "-", "-", seconds]
    state = "up" if host.is_new else "unchanged"
    counts = [str(host.num_cpus), str(host.num_gpus)]
    return [name, state, host.role, host.address, *counts, seconds]


def _facts(file: ClusterFile, done: ClusterUp, address: str | None) -> dict[str, Any]:
    hosts = [
        {
            "name": name,
            "state": "failed" if outcome.result is None else "up",
            "is_new": outcome.result is not None and outcome.result.is_new,
            "role": outcome.result and outcome.result.role,
            "address": outcome.result and outcome.result.address,
            "cpus": outcome.result and outcome.result.num_cpus,
            "gpus": outcome.result and outcome.result.num_gpus,
            "versions": outcome.result and outcome.result.versions,
            "seconds": round(outcome.seconds, 1),
            "error": error_facts(outcome.error),
        }
        for name, outcome in done.hosts.items()
    ]
    removed = [
        {"name": name, "error": error_facts(outcome.error)}
        for name, outcome in done.removed.items()
    ]
    return {"cluster": file.name, "server": address, "hosts": hosts, "removed": removed}
