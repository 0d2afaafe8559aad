"""A notice at the end of a run, by mail or chat."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import typer

from distnet.cli.console import spinner
from distnet.cli.output import say
from distnet.errors import DistnetError
from distnet.notices.notifier import Address, Notice, read_addresses

Notify = Annotated[
    Path | None,
    typer.Option(
        envvar="DISTNET_NOTIFY",
        metavar="FILE",
        help="When it has ended or failed, send a notice to the addresses in this file: "
        "mailto://..., slack://..., one a line.",
    ),
]


@contextmanager
def noticed(what: str, file: Path | None) -> Iterator[list[str]]:
    """Send a notice when what is inside has ended or failed; none if the user has stopped it.

    Args:
        what: what runs inside, for the title.
        file: the addresses; None: no notice is sent.

    Yields:
        A list that takes the lines of the notice.

    Raises:
        DistnetError: the file is missing, or an address in it is not understood.
    """
    addresses = () if file is None else read_addresses(file)
    lines: list[str] = []
    try:
        yield lines
    except (DistnetError, OSError) as error:
        _send(addresses, Notice(f"{what} failed", str(error), is_failure=True))
        raise
    _send(addresses, Notice(f"{what} finished", "\n".join(lines)))


def _send(addresses: tuple[Address, ...], notice: Notice) -> None:
    for address in addresses:
        with spinner(f"sending a notice to {address.service}"):
            is_sent = address.send(notice)
        if not is_sent:
            say(f"{address.location}: {address.service} did not take the notice of the end")
