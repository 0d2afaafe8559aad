"""What `distnet server start` prints when it is ready, and the context that it saves."""

import os
import sys
import time
from dataclasses import dataclass

from distnet.cli.output import echo, print_json, say
from distnet.client import contexts
from distnet.client.contexts import Context, Contexts, contexts_file
from distnet.errors import DistnetError
from distnet.server.settings import Settings
from distnet.server.start import Started
from distnet.server.users.tokens import id_of
from distnet.server.users.users import is_usable
from distnet.spec.plural import counted

LOCAL = "local"


@dataclass(frozen=True)
class Own:
    """The context with a token of this server's ledger."""

    name: str
    secret: str
    is_current: bool


def welcome(started: Started, settings: Settings, *, as_json: bool) -> None:
    """Save a context with a token for the user of this machine, and print the address."""
    try:
        own = _own_context(started)
    except DistnetError as error:
        say(f"{error}; create a token with: distnet server token")
        own = None
    if as_json:
        print_json(_facts(started, settings, own))
    else:
        _print_address(started, own)
    sys.stdout.flush()


def _facts(started: Started, settings: Settings, own: Own | None) -> dict[str, object]:
    return {
        "address": started.address,
        "for_attempts": settings.address or started.address,
        "ledger": started.ledger.id,
        "context": own and own.name,
        "is_current": own is not None and own.is_current,
        "contexts": str(contexts_file()) if own else None,
        "num_adopted": started.num_adopted,
        "pid": os.getpid(),
    }


def _print_address(started: Started, own: Own | None) -> None:
    if own is None:
        token = "no token in your contexts; create one with: distnet server token"
    elif own.is_current:
        token = f"token in {contexts_file()}, context {own.name} (current)"
    else:
        use = f"use it with: distnet context use {own.name}"
        token = f"token in {contexts_file()}, context {own.name} (not current); {use}"
    echo(f"distnet server and its page at {started.address}, {token}")
    if started.num_adopted:
        jobs = counted(started.num_adopted, "job")
        echo(f"took over {jobs} that continued without a server")
    if own is not None and sys.stdout.isatty():
        echo(f"open {started.address}/#token={own.secret}")


def _own_context(started: Started) -> Own | None:
    """Find the context of this ledger, or save a new one; correct its address.

    It becomes the current context if there is none, or if the current one has this address with the
    token of another ledger. A current context of another server is the user's choice.
    """
    known = contexts.load()
    name, secret = _named(started, known)
    if secret is None:
        return None
    current = known.contexts.get(known.current or "")
    may_switch = current is None or current.server == started.address
    is_current = name == known.current or may_switch
    saved = Context(started.address, secret)
    if known.contexts.get(name) != saved or is_current != (name == known.current):
        contexts.save(name, saved.server, saved.token, make_current=is_current)
    return Own(name, secret, is_current)


def _named(started: Started, known: Contexts) -> tuple[str, str | None]:
    """The name of this ledger's context and its token; None if there is no valid one."""
    own = f"{LOCAL}-{started.ledger.id}"
    if started.token is not None:
        return (own if LOCAL in known.contexts else LOCAL), started.token
    current = known.contexts.get(known.current or "")
    names = [own, LOCAL]
    if current is not None and current.server == started.address:
        names.insert(0, str(known.current))
    for name in names:
        secret = known.contexts[name].token if name in known.contexts else None
        if secret is not None and _is_of(started, secret):
            return name, secret
    return own, None


def _is_of(started: Started, secret: str) -> bool:
    id_ = id_of(secret)
    caller = None if id_ is None else started.users.find(id_)
    return caller is not None and is_usable(caller.token, time.time())
