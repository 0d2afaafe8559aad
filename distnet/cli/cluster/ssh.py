"""`distnet cluster ssh`."""

import os
from typing import Annotated

import typer

from distnet.cli.cluster.arguments import File, find_host, read_file
from distnet.cli.output import print_json
from distnet.cluster.file.providers import Local
from distnet.cluster.host import Host
from distnet.cluster.ssh.command import interactive
from distnet.errors import DistnetError

HostName = Annotated[str, typer.Argument(metavar="HOST", help="A host of the file.")]
Command = Annotated[
    list[str] | None, typer.Argument(metavar="[-- COMMAND...]", help="Default: a shell.")
]


AsJson = Annotated[bool, typer.Option("--json", help="Print the command line of ssh, as JSON.")]


def ssh(file: File, host: HostName, command: Command = None, as_json: AsJson = False) -> None:
    """Open a shell on a host of a cluster, or run a command there.

    The host's user, port, key and jump host are those of the cluster file.
    """
    read, cluster = read_file(file)
    if isinstance(cluster, Local):
        raise DistnetError(f"{file}: the only host is this machine; open a shell here")
    chosen = find_host(read, host)
    jump = None
    if chosen.jump is not None:
        known = {each.name: each for each in read.hosts}
        jump = known.get(chosen.jump) or Host(chosen.jump, chosen.jump)
    words = interactive(chosen, jump, command or ())
    if as_json:
        print_json({"command": words})
        return
    try:
        os.execvp(words[0], words)
    except FileNotFoundError:
        raise DistnetError(
            "found no `ssh` on this machine, expected OpenSSH's client; install it"
        ) from None
