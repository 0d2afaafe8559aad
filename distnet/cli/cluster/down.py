"""`distnet cluster down`."""

from typing import Annotated

import typer

from distnet.cli.cluster.arguments import File, error_facts, fleet_of, raise_failed
from distnet.cli.cluster.made import Yes, down_made
from distnet.cli.cluster.progress import Lines
from distnet.cli.exit_codes import STOPPED
from distnet.cli.options import AsJson
from distnet.cli.output import echo, print_json, say
from distnet.client import contexts
from distnet.cluster.file.providers import Local, Ssh
from distnet.cluster.file.read import load_cluster
from distnet.cluster.hosts.down import bring_down, recorded_hosts

Delete = Annotated[
    bool,
    typer.Option("--delete-data", help="Delete the server's ledger, its jobs and their runs, too."),
]


def down(
    file: File, delete_data: Delete = False, is_agreed: Yes = False, as_json: AsJson = False
) -> None:
    """Bring a cluster down: end its processes, and remove its folders from all hosts.

    The ledger and the runs of the head stay if there are any, and the next `up` continues with
    them. Jobs that run are killed; cancel them first to have them save a checkpoint.

    Machines of AWS and Google Cloud are ended with their disks, ledger and run folders, whatever
    --delete-data says. Of Kubernetes, the namespace stays, and so do the volumes and the token
    without --delete-data. It prompts first.
    """
    read = load_cluster(file)
    cluster = read.cluster
    if not isinstance(cluster, Local | Ssh):
        down_made(read, cluster, deletes_data=delete_data, is_agreed=is_agreed, as_json=as_json)
        return
    with fleet_of(read) as fleet:
        hosts = [*read.hosts, *recorded_hosts(fleet, read.head, read.hosts, cluster)]
        with Lines([host.name for host in hosts], is_quiet=as_json).shown() as report:
            outcomes = bring_down(
                fleet,
                hosts,
                cluster.name,
                cluster.folder,
                keeps_data=not delete_data,
                report=report,
            )
        is_interrupted = fleet.is_interrupted.is_set()
    if is_interrupted:
        say("interrupted; run it again to remove what is left")
        raise typer.Exit(STOPPED)
    kept = {name: each.result.kept for name, each in outcomes.items() if each.result}
    if not any(kept.values()) and cluster.name in contexts.load().contexts:
        contexts.remove(cluster.name)
    if as_json:
        rows = [
            {
                "name": name,
                "processes": outcome.result and outcome.result.num_processes,
                "kept": list(kept.get(name, ())),
                "error": error_facts(outcome.error),
            }
            for name, outcome in outcomes.items()
        ]
        print_json({"cluster": cluster.name, "hosts": rows})
    else:
        for name, outcome in outcomes.items():
            if outcome.result is not None:
                count = outcome.result.num_processes
                echo(f"{name}: down, {count} {'process' if count == 1 else 'processes'} ended")
        for name, folders in kept.items():
            for folder in folders:
                say(f"{name}: kept {folder}; delete it with --delete-data")
    raise_failed(outcomes, "could not be brought down", as_json=as_json)
