"""`distnet nodes`: the nodes of a server's cluster, drained and resumed by admins."""

from typing import Annotated

import typer

from distnet.cli.connect import connect
from distnet.cli.options import AsJson, Context, Server
from distnet.cli.output import echo, print_json, say
from distnet.cli.table import Column, print_table
from distnet.client.client import Json
from distnet.report.text import NONE, local_time, number
from distnet.scheduler.format import format_resources
from distnet.spec.plural import counted

Nodes = Annotated[
    list[str], typer.Argument(metavar="NODE", help="Name or id of a node, see distnet nodes.")
]
OF_RAY = "ray.io/"
COLUMNS = (
    Column("node"),
    Column("state", is_state=True),
    Column("CPUs", is_number=True),
    Column("GPUs", is_number=True),
    Column("type"),
    Column("labels"),
    Column("jobs", is_number=True),
    Column("since"),
    Column("by"),
    Column("note"),
)


def list_(server: Server = None, context: Context = None, as_json: AsJson = False) -> None:
    """List the nodes of a server's cluster: their state, and what of them is used.

    Drained nodes are listed with who has drained them, when, and why. The reason of a wait is
    shown by: distnet why JOB.
    """
    cluster = connect(server, context).cluster()
    if as_json:
        print_json(cluster)
        return
    if not cluster["is_reachable"]:
        say(f"the cluster cannot be reached: {cluster['reason']}")
    if cluster["nodes"]:
        _show(cluster["nodes"])
    else:
        say("the cluster has no nodes")
    for group in cluster["groups"]:
        echo(_group(group))


def drain(
    nodes: Nodes,
    reason: Annotated[str, typer.Option(metavar="TEXT", help="Why, for everybody to see.")],
    now: Annotated[
        bool, typer.Option("--now", help="Move running jobs off: they save, stop and wait again.")
    ] = False,
    server: Server = None,
    context: Context = None,
    as_json: AsJson = False,
) -> None:
    """Drain nodes: nothing new starts there until they are resumed.

    Running jobs finish there. With --now they are moved off, also those that are not preemptible:
    each saves a checkpoint, stops, and waits in the queue for other nodes; no step is lost. Nodes
    stay drained when the server or Ray restarts.
    """
    drained = connect(server, context).drain(nodes, reason, now=now)
    if as_json:
        print_json(drained)
        return
    _show(drained)
    running = {job for node in drained for job in node["jobs"]}
    if running:
        what = "is being moved off" if now else "still runs there"
        what = what if len(running) == 1 else what.replace("is", "are").replace("runs", "run")
        say(f"{counted(len(running), 'job')} {what}")


def resume(
    nodes: Nodes, server: Server = None, context: Context = None, as_json: AsJson = False
) -> None:
    """Resume drained nodes: jobs may start there again."""
    resumed = connect(server, context).resume_nodes(nodes)
    if as_json:
        print_json(resumed)
    elif resumed:
        _show(resumed)
    else:
        say("resumed; not in the cluster at the moment")


def _show(nodes: list[Json]) -> None:
    print_table(COLUMNS, [_row(node) for node in nodes])


def _row(node: Json) -> list[str]:
    drain = node["drain"]
    by = [local_time(drain["since"]), drain["actor"]] if drain else [NONE] * 2
    kind = [node["gpu"] or NONE, _labels(node["labels"])]
    used = [_used(node, "cpus"), _used(node, "gpus"), *kind, str(len(node["jobs"]) or NONE)]
    return [node["name"] or node["id"], node["state"], *used, *by, _note(node)]


def _group(group: Json) -> str:
    """Say how many nodes of a group there are, and how many there can be."""
    here = f"{group['num_nodes']} of at most {counted(group['max_nodes'], 'node')}"
    adding = f", {group['num_adding']} being added" if group["num_adding"] else ""
    reason = f"; {group['reason']}" if group["reason"] else ""
    return f"group {group['name']}: {here}{adding}{reason}"


def _labels(labels: dict[str, str]) -> str:
    """The labels without those that Ray itself sets."""
    own = {name: text for name, text in labels.items() if not name.startswith(OF_RAY)}
    return " ".join(f"{name}={text}" for name, text in sorted(own.items())) or NONE


def _note(node: Json) -> str:
    """Why it is drained or leaving, its reservation, and what other programs use of it."""
    reason = [node["drain"]["reason"]] if node["drain"] else []
    cpus, gpus = node["others_cpus"], node["others_gpus"]
    others = [f"{format_resources(cpus, gpus)} used by other programs"] if cpus or gpus else []
    reserved = [f"reserved ({node['reservation']})"] if node["reservation"] else []
    leaving = [f"about to be removed, says {node['leaving']}"] if node["leaving"] else []
    return "; ".join(reason + leaving + reserved + others) or NONE


def _used(node: Json, what: str) -> str:
    """What is used of all that there is: `2/8`."""
    return f"{number(node[what] - node[f'free_{what}'])}/{number(node[what])}"
