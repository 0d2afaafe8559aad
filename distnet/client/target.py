"""Choose the server that a command talks to."""

import os
from dataclasses import dataclass, field, replace

from distnet.client.address import DEFAULT, checked_token, normalised
from distnet.client.contexts import Contexts, load
from distnet.errors import DistnetError


@dataclass(frozen=True)
class Target:
    """A server and the token to use with it."""

    server: str
    token: str | None = field(default=None, repr=False)
    origin: str = "the default"
    """Where the address comes from, for messages."""
    ca: str | None = None
    """The file with the certificate of its own CA; None: those of the system."""


def find_target(server: str | None = None, context: str | None = None) -> Target:
    """Find the server to use, and its token.

    `server`, else DISTNET_SERVER, else `context`, else the current context, else the one on
    this machine. The token is DISTNET_TOKEN if that is set and `context` is not given; the token of
    a context is only ever sent to its own server.

    Raises:
        DistnetError: there is no such context, or two different servers are named.
    """
    contexts = load()
    named, origin = _named(server)
    if context is not None:
        return _of_context(contexts, context, named, origin)
    if named is None and contexts.current is not None:
        current = _of_context(contexts, contexts.current, None, "")
        return replace(current, token=token_of_environment() or current.token)
    address = named or DEFAULT
    token = token_of_environment() or contexts.token_for(address)
    return Target(address, token, origin, contexts.ca_for(address))


def known_servers() -> frozenset[str]:
    """The addresses of servers that the user has named: in contexts, or in DISTNET_SERVER."""
    named, _ = _named(None)
    contexts = load().contexts.values()
    return frozenset({DEFAULT, *filter(None, [named]), *(context.server for context in contexts)})


def token_of_environment() -> str | None:
    """The token in DISTNET_TOKEN.

    Raises:
        DistnetError: it has characters that tokens do not have.
    """
    return checked_token(os.environ.get("DISTNET_TOKEN"))


def _named(server: str | None) -> tuple[str | None, str]:
    if server is not None:
        return normalised(server), "--server"
    address = os.environ.get("DISTNET_SERVER")
    return (normalised(address), "DISTNET_SERVER") if address else (None, "the default")


def _of_context(contexts: Contexts, name: str, named: str | None, origin: str) -> Target:
    found = contexts.get(name)
    if named is not None and named != found.server:
        # Choosing one of the two silently could cancel the wrong job.
        raise DistnetError(
            f"--context {name} is {found.server}, but {origin} is {named}; give only one of them"
        )
    return Target(found.server, found.token, f"context {name}", found.ca)
