"""Which ledger the commands on the server's machine open."""

import os
from pathlib import Path
from typing import Annotated

import typer

Ledger = Annotated[
    str | None,
    typer.Option(
        envvar="DISTNET_LEDGER",
        metavar="URL",
        help="postgresql://USER@HOST/NAME or sqlite:////FILE. Default: a file of this user.",
    ),
]


def own_ledger() -> str:
    """The URL of the user's own ledger: a file on a local disk, as SQLite needs it."""
    state = os.environ.get("XDG_STATE_HOME") or Path.home() / ".local" / "state"
    return f"sqlite:///{(Path(state) / 'distnet' / 'ledger.db').resolve()}"
