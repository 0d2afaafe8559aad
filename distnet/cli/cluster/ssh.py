"""`distnet cluster ssh`."""

import os
from collections.abc import Sequence
from typing import Annotated

import typer

from distnet.cli.cluster.arguments import File, find_host
from distnet.cli.cluster.made import shell_of
from distnet.cli.output import print_json
from distnet.cluster.file.providers import Local, Ssh
from distnet.cluster.file.read import ClusterFile, load_cluster
from distnet.cluster.host import Host
from distnet.cluster.ssh.command import interactive
from distnet.errors import DistnetError

HostName = Annotated[str, typer.Argument(metavar="HOST", help="A host of the file.")]
Command = Annotated[
    list[str] | None, typer.Argument(metavar="[-- COMMAND...]", help="Default: a shell.")
]


AsJson = Annotated[bool, typer.Option("--json", help="Print the command line, as JSON.")]


def ssh(file: File, host: HostName, command: Command = None, as_json: AsJson = False) -> None:
    """Open a shell on a host of a cluster, or run a command there.

    The host's user, port, key and jump host are those of the cluster file. Of a cloud and of
    Kubernetes, the host is `head`; on a cloud `ray exec` runs the command, prints lines of its own
    too, and ends with 1 if the command fails.
    """
    read = load_cluster(file)
    if isinstance(read.cluster, Local | Ssh):
        words = _ssh(read, host, command or ())
    else:
        words = shell_of(read, read.cluster, host, command or ())
    if as_json:
        print_json({"command": words})
        return
    try:
        os.execvp(words[0], words)
    except FileNotFoundError:
        raise DistnetError(
            "found no `ssh` on this machine, expected OpenSSH's client; install it"
        ) from None


def _ssh(file: ClusterFile, name: str, command: Sequence[str]) -> list[str]:
    if isinstance(file.cluster, Local):
        raise DistnetError(f"{file.path}: the only host is this machine; open a shell here")
    chosen = find_host(file, name)
    jump = None
    if chosen.jump is not None:
        known = {each.name: each for each in file.hosts}
        jump = known.get(chosen.jump) or Host(chosen.jump, chosen.jump)
    return interactive(chosen, jump, command)
