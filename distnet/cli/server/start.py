"""`distnet server start`."""

import logging
import os
import sys
from pathlib import Path
from typing import Annotated

import typer

from distnet.cli.options import RUNS, AsJson
from distnet.cli.output import say
from distnet.cli.server.ledger import Ledger, own_ledger
from distnet.cli.server.welcome import welcome
from distnet.client.address import explicit
from distnet.errors import DistnetError
from distnet.server.gateway.node_groups import read_groups
from distnet.server.gateway.ray_gateway import RayGateway
from distnet.server.http.listen import parse_listen
from distnet.server.settings import Settings
from distnet.server.settings_file import object_store, with_file
from distnet.server.start import serve

Listen = Annotated[
    str, typer.Option(metavar="HOST:PORT", help="Address to listen on; port 0 takes a free one.")
]
SharedRuns = Annotated[
    Path,
    typer.Option(
        envvar="DISTNET_RUNS", metavar="DIR", help="The folder of run folders; all nodes see it."
    ),
]
Ray = Annotated[
    str | None,
    typer.Option(
        metavar="URL",
        help="Dashboard of the Ray cluster. Default: RAY_API_SERVER_ADDRESS, or this machine's.",
    ),
]
Address = Annotated[
    str, typer.Option(metavar="URL", help="How the nodes of the cluster reach this server.")
]
Autoscaling = Annotated[
    Path | None,
    typer.Option(
        metavar="FILE",
        help="The file of Ray's autoscaler: jobs may wait for the nodes that it can add.",
    ),
]
Gcs = Annotated[
    str | None,
    typer.Option(
        metavar="HOST:PORT", help="With --autoscaling: Ray's GCS. Default: port 6379 of the head."
    ),
]
SettingsFile = Annotated[Path | None, typer.Option(metavar="FILE", help="More settings, as YAML.")]
Checkpoints = Annotated[
    str | None,
    typer.Option(
        metavar="URL",
        help="Object store for checkpoints, such as s3://bucket/folder. Default: run folders.",
    ),
]
Wait = Annotated[
    bool,
    typer.Option("--wait", help="If another server uses the ledger, wait and take over from it."),
]


def start(
    listen: Listen = "127.0.0.1:8270",
    ledger: Ledger = None,
    runs: SharedRuns = RUNS,
    ray: Ray = None,
    address: Address = "",
    autoscaling: Autoscaling = None,
    gcs: Gcs = None,
    checkpoints: Checkpoints = None,
    settings: SettingsFile = None,
    wait: Wait = False,
    as_json: AsJson = False,
) -> None:
    """Queue and schedule jobs on a Ray cluster until Ctrl-C.

    A server that was killed continues where it was when it is started again.
    """
    logging.basicConfig(format="%(asctime)s %(levelname)s %(message)s", stream=sys.stderr)
    host, port = parse_listen(listen)
    dashboard = _dashboard(ray)
    chosen = Settings(
        ledger=ledger or own_ledger(),
        runs=runs.resolve(),
        address=_address(address),
        listen=host,
        groups=read_groups(autoscaling) if autoscaling is not None else (),
        checkpoints=_store(checkpoints),
    )
    if settings is not None:
        chosen = with_file(chosen, settings)
    _make_folder(chosen.runs)
    serve(
        chosen,
        RayGateway(dashboard, groups=chosen.groups, gcs=gcs),
        port=port,
        is_patient=wait,
        on_start=lambda started: welcome(started, chosen, as_json=as_json),
        say=say,
    )


def _dashboard(given: str | None) -> str | None:
    """The address of the dashboard, from the option or the environment; None for the default."""
    name = "RAY_API_SERVER_ADDRESS" if given is None else "--ray"
    address = os.environ.get(name) if given is None else given
    if not address and given is None:
        return None
    return explicit(str(address), name, "the dashboard's address such as http://10.0.0.1:8265")


def _address(given: str) -> str:
    """How attempts reach this server; empty: the server finds it out."""
    return explicit(given, "--address", "an address such as http://10.0.0.1:8270") if given else ""


def _store(given: str | None) -> str | None:
    if given is None:
        return None
    try:
        return object_store(given)
    except ValueError as error:
        raise DistnetError(f"--checkpoints: found {given!r}, {error}") from None


def _make_folder(runs: Path) -> None:
    try:
        runs.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise DistnetError(f"--runs {runs}: cannot create the folder: {error.strerror}") from None
