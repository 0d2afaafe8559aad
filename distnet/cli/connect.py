"""Connect to the server that a command line names."""

from distnet.cli.output import say
from distnet.client.client import Client
from distnet.client.target import find_target


def connect(server: str | None, context: str | None) -> Client:
    """Make a client of the server; no request is sent yet.

    Raises:
        DistnetError: there is no such context, or two different servers are named.
    """
    return Client(find_target(server, context))


def say_unreachable(error: Exception) -> None:
    """Say, while waiting, that the server does not respond and that the command keeps waiting."""
    say(f"{str(error).partition('; ')[0]}; waiting until it responds")
