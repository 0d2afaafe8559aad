"""`distnet cluster up`, `down` and `ssh` on a cloud or Kubernetes, where machines are made."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from shlex import join, quote
from typing import Annotated, Any

import typer

from distnet.cli.agree import agree
from distnet.cli.exit_codes import STOPPED
from distnet.cli.output import echo, print_json, say
from distnet.client import contexts
from distnet.cluster.file.read import ClusterFile
from distnet.cluster.made.maker import Made, Maker, folder_of, maker_of
from distnet.cluster.render.render import render
from distnet.cluster.render.write import write
from distnet.errors import DistnetError

Yes = Annotated[
    bool,
    typer.Option("--yes", "-y", help="On a cloud or Kubernetes: do not prompt."),
]


def up_made(
    file: ClusterFile, cluster: Made, *, make_current: bool, is_agreed: bool, as_json: bool
) -> None:
    """Make a cluster, or repair and update it, and save its context.

    Raises:
        DistnetError: the user has not agreed, or the tool failed.
    """
    folder, address = folder_of(file.name), f"http://127.0.0.1:{cluster.server.port}"
    _require_free_context(file.name, address)
    rendered = render(file, folder)
    maker = maker_of(file, cluster, folder)
    maker.require_same(rendered.documents[0])
    agree(maker.up_question, is_agreed=is_agreed)
    write(file, rendered, folder)
    with _interruptible(f"run it again to go on, or: distnet cluster down {_path(file)}"):
        maker.up()
        token = maker.admin_token()
    contexts.save(file.name, address, token, make_current=make_current)
    if as_json:
        facts: dict[str, Any] = {"cluster": file.name, "server": address, "folder": str(folder)}
        print_json(facts | {"tunnel": list(maker.tunnel)})
        return
    echo(f"{file.name} is up, context {file.name}; keep the way to its server open in a terminal:")
    echo(f"  {join(maker.tunnel)}")
    say(f"then: distnet submit jobs/digits.yaml --cluster {_path(file)}")


def down_made(
    file: ClusterFile, cluster: Made, *, deletes_data: bool, is_agreed: bool, as_json: bool
) -> None:
    """End a cluster, and remove its context.

    Raises:
        DistnetError: the user has not agreed, or the tool failed.
    """
    folder, address = folder_of(file.name), f"http://127.0.0.1:{cluster.server.port}"
    rendered = render(file, folder)
    maker = maker_of(file, cluster, folder)
    agree(maker.down_question(deletes_data=deletes_data), is_agreed=is_agreed)
    if not all((folder / name).is_file() for name in rendered.files):  # what was made, counts
        say(f"found nothing of it in {folder}: another machine made it, or it had another name")
        write(file, rendered, folder)
    with _interruptible("run it again to end what is left"):
        maker.down(deletes_data=deletes_data)
    known = contexts.load().contexts.get(file.name)
    is_gone = deletes_data or not maker.keeps_ledger
    if known is not None and known.server == address and is_gone:
        contexts.remove(file.name)
    if as_json:
        print_json({"cluster": file.name, "folder": str(folder)})
    else:
        echo(f"{file.name} is down")


def shell_of(file: ClusterFile, cluster: Made, host: str, command: Sequence[str]) -> list[str]:
    """The command line of a shell on the head of a cluster.

    Raises:
        DistnetError: it is not up, or another host is named.
    """
    if host != "head":
        raise DistnetError(
            f"{file.path}: found host {host!r}, expected head: other nodes come and go, and "
            f"`distnet exec JOB` runs a command where a job runs"
        )
    return _maker_there(file, cluster).shell(command)


def _maker_there(file: ClusterFile, cluster: Made) -> Maker:
    folder = folder_of(file.name)
    if not folder.is_dir():
        raise DistnetError(
            f"{folder}: found no such folder, expected what `distnet cluster up {_path(file)}` "
            "writes"
        )
    return maker_of(file, cluster, folder)


def _require_free_context(name: str, address: str) -> None:
    """A context of another server is kept, and no other server gets this one's token."""
    known = contexts.load().contexts
    if name in known and known[name].server != address:
        raise DistnetError(
            f"found context {name} for {known[name].server}, expected none for another server; "
            f"give this cluster another `name`, or: distnet context remove {name}"
        )
    for other, context in known.items():
        if other != name and context.server == address:
            raise DistnetError(
                f"found context {other} at {address}, too, which would get the token of {name}; "
                "give this cluster a port of its own, such as `server: {port: 8271}`"
            )


@contextmanager
def _interruptible(remedy: str) -> Iterator[None]:
    try:
        yield
    except KeyboardInterrupt:
        say(f"interrupted; {remedy}")
        raise typer.Exit(STOPPED) from None


def _path(file: ClusterFile) -> str:
    return quote(str(file.path))
