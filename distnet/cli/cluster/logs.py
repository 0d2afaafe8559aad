"""`distnet cluster logs`."""

import math
from typing import Annotated

import typer

from distnet.cli.cluster.arguments import File, HostName, find_host, fleet_of, read_file
from distnet.cli.options import AsJson
from distnet.cli.output import print_json, write_log
from distnet.cluster.ssh.shell import quoted
from distnet.errors import DistnetError

Lines = Annotated[int, typer.Option("--lines", "-n", min=1, help="Print the last lines.")]
Follow = Annotated[bool, typer.Option("--follow", "-f", help="Print new lines, until Ctrl-C.")]
OfServer = Annotated[bool, typer.Option("--server", help="The log of the server, on the head.")]


def logs(
    file: File,
    host: HostName = None,
    lines: Lines = 100,
    follow: Follow = False,
    server: OfServer = False,
    as_json: AsJson = False,
) -> None:
    """Print the log of a host's node, or of the server.

    As JSON, one object a line.
    """
    read, cluster = read_file(file)
    chosen = find_host(read, host)
    if server and chosen != read.head:
        raise DistnetError(f"--server: found host {chosen.name}, expected the head or no host")
    name = "server.log" if server else "node.log"
    path = quoted(f"{cluster.folder}/{cluster.name}/{name}")
    with fleet_of(read) as fleet:
        shell = fleet.shells.get(chosen)
        # -F: after a restart the log may be another file
        words = f"exec tail -n {lines} {'-F ' if follow else ''}{path}"
        ended = shell.run(
            ["sh", "-c", words],
            step="logs",
            timeout_s=math.inf if follow else 60.0,
            on_line=lambda line: _print(line, as_json=as_json),
        )
        shell.check(ended, "logs")


def _print(line: str, *, as_json: bool) -> None:
    if as_json:
        print_json({"line": line})
    else:
        write_log(f"{line}\n")
