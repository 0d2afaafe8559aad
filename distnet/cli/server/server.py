"""`distnet server`: start the server, and make its first token."""

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from distnet.cli.queue.connect import say
from distnet.errors import DistnetError

if TYPE_CHECKING:
    from distnet.protocol.users import TokenRequest

EXAMPLE = "http://10.0.0.1:8270"

Ledger = Annotated[
    str | None,
    typer.Option(
        envvar="DISTNET_LEDGER",
        metavar="URL",
        help="postgresql://USER@HOST/NAME or sqlite:////FILE. Default: a file of this user's.",
    ),
]
AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON object on stdout.")]

server = typer.Typer(
    no_args_is_help=True,
    help="Run the server that queues and schedules jobs.",
    epilog="Example: distnet server start --runs /shared/runs",
)


def register(app: typer.Typer) -> None:
    """Add the commands."""
    server.command(epilog="Example: distnet server start --runs /shared/runs")(start)
    server.command(epilog="Example: distnet server token ada --role admin")(token)
    app.add_typer(server, name="server")


def start(
    listen: Annotated[
        str, typer.Option(metavar="HOST:PORT", help="Where to listen; port 0 takes a free one.")
    ] = "127.0.0.1:8270",
    ledger: Ledger = None,
    runs: Annotated[
        Path,
        typer.Option(envvar="DISTNET_RUNS", metavar="DIR", help="Run folders, seen by all nodes."),
    ] = Path("runs"),
    ray: Annotated[
        str | None,
        typer.Option(
            metavar="URL",
            help="The Ray cluster's dashboard. Default: RAY_API_SERVER_ADDRESS, or this machine's.",
        ),
    ] = None,
    address: Annotated[
        str, typer.Option(metavar="URL", help="How the cluster's nodes reach this server.")
    ] = "",
    settings: Annotated[
        Path | None, typer.Option(metavar="FILE", help="More settings, as YAML.")
    ] = None,
    wait: Annotated[
        bool,
        typer.Option("--wait", help="If the ledger has a server, take its place when it ends."),
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Queue and schedule jobs on a Ray cluster until Ctrl-C; killed, it goes on where it was."""
    import logging

    from distnet.cli.server.welcome import welcome
    from distnet.server.gateway.ray_gateway import RayGateway
    from distnet.server.http.listen import parse_listen
    from distnet.server.settings import Settings
    from distnet.server.settings_file import with_file
    from distnet.server.start import serve

    logging.basicConfig(format="%(asctime)s %(levelname)s %(message)s", stream=sys.stderr)
    host, port = parse_listen(listen)
    dashboard = _dashboard(ray)
    chosen = Settings(
        ledger=ledger or _own_ledger(),
        runs=runs.resolve(),
        address=_address(address),
        listen=host,
    )
    if settings is not None:
        chosen = with_file(chosen, settings)
    _make_folder(chosen.runs)
    serve(
        chosen,
        RayGateway(dashboard),
        port=port,
        is_patient=wait,
        told=lambda started: welcome(started, chosen, as_json=as_json),
        say=say,
    )


def token(
    user: Annotated[
        str | None, typer.Argument(metavar="[USER]", help="For whom; made if new. Default: you.")
    ] = None,
    role: Annotated[
        Literal["viewer", "submitter", "admin"] | None,
        typer.Option(help="Default: as before; admin for the first user, else submitter."),
    ] = None,
    change_role: Annotated[
        bool, typer.Option("--change-role", help="Give a known user this role from now on.")
    ] = False,
    ledger: Ledger = None,
    as_json: AsJson = False,
) -> None:
    """Make a token in the ledger itself, for whoever may write it; no server need run."""
    from distnet.server.ledger import open_ledger
    from distnet.server.start import own_name
    from distnet.server.users.users import Users

    own = _own_ledger()  # a first token may be made before the first start; elsewhere it is a slip
    opened = open_ledger(ledger or own, must_exist=ledger not in (None, own))
    try:
        users = Users(opened)
        chosen = role or (None if users.users() else "admin")
        made = users.make(None, _request(user or own_name(), chosen, change_role))
    finally:
        opened.close()
    if as_json:
        print(made.model_dump_json())
        return
    print(made.secret)
    say(f"token {made.id} of {made.user} ({made.role}); it is shown this once only")


def _request(
    user: str, role: Literal["viewer", "submitter", "admin"] | None, change_role: bool
) -> "TokenRequest":
    from pydantic import ValidationError

    from distnet.protocol.users import TokenRequest

    try:
        return TokenRequest(user=user, role=role, change_role=change_role)
    except ValidationError as error:
        wrong = error.errors()[0]["msg"].removeprefix("Value error, ")
        raise DistnetError(f"user {user!r}: {wrong}") from None


def _own_ledger() -> str:
    """Where a user's own ledger lies: on a local disk, as SQLite needs it."""
    state = os.environ.get("XDG_STATE_HOME") or Path.home() / ".local" / "state"
    return f"sqlite:///{(Path(state) / 'distnet' / 'ledger.db').resolve()}"


def _dashboard(given: str | None) -> str | None:
    """The address of the dashboard that is named; None if none is."""
    name = "RAY_API_SERVER_ADDRESS" if given is None else "--ray"
    address = os.environ.get(name) if given is None else given
    if not address and given is None:
        return None
    from distnet.client.address import explicit

    return explicit(str(address), name, "the dashboard's address such as http://10.0.0.1:8265")


def _address(given: str) -> str:
    """How attempts reach this server; empty if that is to be found out."""
    from distnet.client.address import explicit

    return explicit(given, "--address", f"an address such as {EXAMPLE}") if given else ""


def _make_folder(runs: Path) -> None:
    try:
        runs.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise DistnetError(f"--runs {runs}: cannot be made: {error.strerror}") from None
