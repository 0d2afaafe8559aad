"""`distnet server token`."""

from typing import Annotated, Literal

import typer
from pydantic import ValidationError

from distnet.cli.options import AsJson
from distnet.cli.output import echo, print_json, say
from distnet.cli.server.ledger import Ledger, own_ledger
from distnet.errors import DistnetError
from distnet.protocol.users import TokenRequest
from distnet.server.ledger import open_ledger
from distnet.server.start import own_name
from distnet.server.users.users import Users
from distnet.spec.reading.validation import first_fault

Role = Literal["viewer", "submitter", "admin"]


def token(
    context: typer.Context,
    user: Annotated[
        str | None,
        typer.Argument(metavar="USER", help="The user, created if new. Default: you."),
    ] = None,
    role: Annotated[
        Role | None,
        typer.Option(help="Default: unchanged; admin for the first user, submitter for others."),
    ] = None,
    change_role: Annotated[
        bool, typer.Option("--change-role", help="Give an existing user this role.")
    ] = False,
    ledger: Ledger = None,
    as_json: AsJson = False,
) -> None:
    """Create a token directly in the ledger; no server needs to run.

    It is for whoever may write to the ledger, such as the first admin.
    """
    # The first token may be created before the first start. A ledger that is typed must exist, or
    # its name is a typo; one of the environment is where the server will look for it, too.
    source = context.get_parameter_source("ledger")
    is_typed = source is not None and source.name == "COMMANDLINE"
    own = own_ledger()
    opened = open_ledger(ledger or own, must_exist=is_typed and ledger != own)
    try:
        users = Users(opened)
        chosen = role or (None if users.users() else "admin")
        made = users.make(None, _request(user or own_name(), chosen, change_role))
    finally:
        opened.close()
    if as_json:
        print_json(made.model_dump(mode="json"))
        return
    echo(made.secret)
    say(f"token {made.id} of {made.user} ({made.role}); it is shown only once")


def _request(user: str, role: Role | None, change_role: bool) -> TokenRequest:
    try:
        return TokenRequest(user=user, role=role, change_role=change_role)
    except ValidationError as error:
        raise DistnetError(f"user: {first_fault(error)}") from None
