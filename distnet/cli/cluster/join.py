"""`distnet cluster join`."""

import os
import shutil
import socket
import sys
import tempfile
from pathlib import Path
from typing import Annotated

import typer

from distnet.cli.options import AsJson
from distnet.cli.output import print_json, say
from distnet.cluster.node.join import Joined, join_until_signal, own_address
from distnet.errors import DistnetError

CONNECT_S = 5.0
TOKEN = "RAY_AUTH_TOKEN"
Address = Annotated[
    str, typer.Argument(metavar="ADDRESS", help="HOST:PORT of Ray on the head, such as its :6379.")
]
Token = Annotated[
    str | None,
    typer.Option(
        metavar="FILE",
        help="The token file of the cluster, copied from the head; - reads stdin. "
        f"Default: {TOKEN}.",
    ),
]
Own = Annotated[
    str | None,
    typer.Option("--address", metavar="IP", help="At which the other nodes reach this machine."),
]
Cpus = Annotated[int | None, typer.Option(min=0, help="CPU cores to offer. Default: all.")]
Gpus = Annotated[int, typer.Option(min=0, help="GPUs to offer.")]


def join(
    address: Address,
    token: Token = None,
    own: Own = None,
    cpus: Cpus = None,
    gpus: Gpus = 0,
    as_json: AsJson = False,
) -> None:
    """Add this machine to a cluster, until Ctrl-C.

    For a machine that is not in the cluster file. It needs the same distnet as the head.
    """
    host, port = _head(address)
    secret = _secret(token)
    folder = Path(tempfile.mkdtemp(prefix="distnet-", dir="/tmp"))
    try:
        num_cpus = (os.cpu_count() or 1) if cpus is None else cpus
        joined = Joined(f"{host}:{port}", own or own_address(host), num_cpus, gpus, secret)
        if as_json:
            print_json({"head": joined.head, "address": joined.address, "cpus": joined.num_cpus})
        join_until_signal(joined, folder, say)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _head(address: str) -> tuple[str, int]:
    """The head, which must respond: Ray would try in silence for minutes."""
    host, _, port = address.rpartition(":")
    if not host or not port.isdecimal():
        raise DistnetError(f"found {address!r}, expected HOST:PORT such as 10.0.0.1:6379")
    try:
        socket.create_connection((host.strip("[]"), int(port)), timeout=CONNECT_S).close()
    except OSError as error:
        raise DistnetError(
            f"cannot reach the head at {address}: {error.strerror or error}; check that the "
            "cluster is up and that no firewall is between: distnet cluster status FILE"
        ) from None
    return host, int(port)


def _secret(file: str | None) -> str:
    try:
        text = sys.stdin.read() if file == "-" else Path(file).read_text() if file else ""
    except OSError as error:
        raise DistnetError(f"--token {file}: {error.strerror}") from None
    secret = text.strip() or os.environ.get(TOKEN, "")
    if not secret:
        raise DistnetError(
            "found no token, expected --token FILE; the head has it in the file `token` of the "
            "cluster's folder"
        )
    return secret
