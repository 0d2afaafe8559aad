"""What `distnet server start` says when the server answers, and the context that leads to it."""

import os
import sys
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

from distnet.cli.queue.connect import print_json, say
from distnet.errors import DistnetError

if TYPE_CHECKING:
    from distnet.client.contexts import Contexts
    from distnet.server.settings import Settings
    from distnet.server.start import Started

LOCAL = "local"


@dataclass(frozen=True)
class Own:
    """The context with a token of this server's ledger."""

    name: str
    secret: str
    is_current: bool


def welcome(started: "Started", settings: "Settings", *, as_json: bool) -> None:
    """See that this machine's user has a token at hand, and say where the server is."""
    try:
        own = _own_context(started)
    except DistnetError as error:
        say(f"{error}; make a token by hand: distnet server token")
        own = None
    if as_json:
        print_json(_facts(started, settings, own))
    else:
        _say_where(started, own)
    sys.stdout.flush()


def _facts(started: "Started", settings: "Settings", own: Own | None) -> dict[str, object]:
    from distnet.client.contexts import contexts_file

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


def _say_where(started: "Started", own: Own | None) -> None:
    from distnet.client.contexts import contexts_file

    if own is None:
        token = "no token of yours here; make one: distnet server token"
    elif own.is_current:
        token = f"token in {contexts_file()}, context {own.name}, which is the current one"
    else:
        use = f"use it with: distnet context use {own.name}"
        token = f"token in {contexts_file()}, context {own.name}, not the current one; {use}"
    print(f"distnet server and its page at {started.address}, {token}")
    if started.num_adopted:
        jobs = "job" if started.num_adopted == 1 else "jobs"
        print(f"adopted {started.num_adopted} {jobs} that went on without a server")
    if own is not None and sys.stdout.isatty():
        print(f"open {started.address}/#token={own.secret}")


def _own_context(started: "Started") -> Own | None:
    """Find the context that leads to this ledger, or keep a new one; mend its address.

    It becomes the current one where that would lead to this address with another ledger's token,
    and where there is none; a current one that leads to another server is somebody's choice.
    """
    from distnet.client import contexts

    known = contexts.load()
    name, secret = _named(started, known)
    if secret is None:
        return None
    current = known.contexts.get(known.current or "")
    may_switch = current is None or current.server == started.address
    is_current = name == known.current or may_switch
    kept = contexts.Context(started.address, secret)
    if known.contexts.get(name) != kept or is_current != (name == known.current):
        contexts.save(name, kept.server, kept.token, make_current=is_current)
    return Own(name, secret, is_current)


def _named(started: "Started", known: "Contexts") -> tuple[str, str | None]:
    """The name of this ledger's context, and its token; None without one that is good."""
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


def _is_of(started: "Started", secret: str) -> bool:
    from distnet.server.users.tokens import id_of
    from distnet.server.users.users import is_usable

    id_ = id_of(secret)
    caller = None if id_ is None else started.people.find(id_)
    return caller is not None and is_usable(caller.token, time.time())
