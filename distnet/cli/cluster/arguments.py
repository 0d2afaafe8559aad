"""What the commands of clusters share: the file, its hosts, how hosts are shown."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from shlex import quote
from typing import Annotated, Any

import typer

from distnet.cli.exit_codes import USER_ERROR
from distnet.cluster.errors import HostError
from distnet.cluster.file.providers import Local, Ssh
from distnet.cluster.file.read import ClusterFile, load_cluster
from distnet.cluster.host import Host
from distnet.cluster.hosts.fleet import Fleet, Outcome, open_shells
from distnet.errors import DistnetError

File = Annotated[Path, typer.Argument(metavar="FILE", help="The cluster file.")]
HostName = Annotated[
    str | None, typer.Argument(metavar="[HOST]", help="A host of the file. Default: the head.")
]


def read_file(path: Path) -> tuple[ClusterFile, Local | Ssh]:
    """Read a cluster file whose hosts distnet itself reaches.

    Raises:
        DistnetError: it has faults, or another provider.
    """
    file = load_cluster(path)
    if not isinstance(file.cluster, Local | Ssh):
        expected = (
            "expected local or ssh: of the others, `distnet nodes` shows the nodes, and "
            f"`distnet cluster ssh {quote(str(path))} head` opens a shell"
        )
        raise file.fault(("provider",), f"found {file.cluster.provider}, {expected}")
    return file, file.cluster


@contextmanager
def fleet_of(file: ClusterFile) -> Iterator[Fleet]:
    """The hosts of a file; all connections end with the context."""
    shells = open_shells(file.hosts, is_local=isinstance(file.cluster, Local))
    try:
        yield Fleet(shells)
    finally:
        shells.close()


def find_host(file: ClusterFile, name: str | None) -> Host:
    """Find a host by its name; the head if none is given.

    Raises:
        DistnetError: the file has none of this name.
    """
    if name is None:
        return file.head
    for host in file.hosts:
        if host.name == name:
            return host
    known = ", ".join(host.name for host in file.hosts)
    raise DistnetError(f"{file.path}: found no host {name!r}, expected one of: {known}")


def error_facts(error: HostError | None) -> dict[str, str] | None:
    """An error as JSON."""
    if error is None:
        return None
    names = ("step", "kind", "found", "remedy")
    return {name: str(getattr(error, name)) for name in names}


def raise_failed(outcomes: Mapping[str, Outcome[Any]], what: str, *, as_json: bool) -> None:
    """Raise one error for all hosts that failed.

    Args:
        outcomes: of the hosts.
        what: what has failed, as in `2 of 4 hosts failed`.
        as_json: whether the errors were printed already, as JSON.

    Raises:
        DistnetError: with a line for each of them.
    """
    errors = [outcome.error for outcome in outcomes.values() if outcome.error is not None]
    if errors and as_json:
        raise typer.Exit(USER_ERROR)
    if errors:
        count = f"{len(errors)} of {len(outcomes)} hosts"
        raise DistnetError("\n".join([f"{count} {what}:", *map(str, errors)]))
