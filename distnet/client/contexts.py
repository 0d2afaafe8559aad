"""Contexts: a user's servers by name, with their tokens, in a file that only the user may read.

    {"current": "lab", "contexts": {"lab": {"server": "https://lab:8270", "token": "dn_..."}}}

The file is in `~/.config/distnet` ($XDG_CONFIG_HOME/distnet), or in the folder $DISTNET_CONFIG.
"""

import fcntl
import json
import os
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from distnet.client.address import checked_token, normalised
from distnet.errors import DistnetError

NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,62}")


@dataclass(frozen=True)
class Context:
    """A server and the token to use with it."""

    server: str
    token: str | None = field(default=None, repr=False)
    ca: str | None = None
    """The file with the certificate of its own CA; None: those of the system."""


@dataclass(frozen=True)
class Contexts:
    """The content of the file."""

    current: str | None = None
    contexts: Mapping[str, Context] = field(default_factory=dict)

    def get(self, name: str) -> Context:
        """Find a context by its name.

        Raises:
            DistnetError: there is none of this name.
        """
        if name in self.contexts:
            return self.contexts[name]
        known = ", ".join(self.contexts) or "none yet"
        raise DistnetError(
            f"{contexts_file()}: found no context {name!r}, expected one of: {known}; "
            f"add it with: distnet context add {name} URL"
        )

    def token_for(self, server: str) -> str | None:
        """The token of a context with this address, the current one first."""
        return next(filter(None, (context.token for context in self._with(server))), None)

    def ca_for(self, server: str) -> str | None:
        """The CA of a context with this address, the current one first."""
        return next(filter(None, (context.ca for context in self._with(server))), None)

    def _with(self, server: str) -> list[Context]:
        names = sorted(self.contexts, key=lambda name: name != self.current)
        return [self.contexts[name] for name in names if self.contexts[name].server == server]


def contexts_file() -> Path:
    """The path of the file, which need not exist."""
    folder = os.environ.get("DISTNET_CONFIG")
    if folder:
        return Path(folder).expanduser() / "contexts.json"
    home = os.environ.get("XDG_CONFIG_HOME") or Path.home() / ".config"
    return Path(home) / "distnet" / "contexts.json"


def load() -> Contexts:
    """Read the contexts; none if there is no file.

    Raises:
        DistnetError: the file cannot be read, or has another content.
    """
    path = contexts_file()
    try:
        return _contexts(json.loads(path.read_bytes()))
    except FileNotFoundError:
        return Contexts()
    except OSError as error:
        raise DistnetError(f"{path}: cannot read the contexts: {error.strerror}") from None
    except (ValueError, TypeError, KeyError, AttributeError):
        raise DistnetError(
            f"{path}: found no contexts in this file, expected what `distnet context add` writes; "
            "fix it, or delete it and add the contexts again"
        ) from None


def save(
    name: str,
    server: str,
    token: str | None,
    make_current: bool = True,
    *,
    ca: str | None = None,
) -> None:
    """Add a context, or replace the one with this name.

    Raises:
        DistnetError: the name, address or token is invalid, or the file cannot be written.
    """
    if not NAME.fullmatch(name):
        raise DistnetError(
            f"context {name!r}: expected a name of up to 63 letters, digits, dots and dashes"
        )
    context = Context(normalised(server), checked_token(token), ca)
    with _locked() as old:
        current = name if make_current else old.current
        _write(Contexts(current, {**old.contexts, name: context}))


def use(name: str) -> None:
    """Make a context the current one.

    Raises:
        DistnetError: there is none of this name, or the file cannot be written.
    """
    with _locked() as old:
        old.get(name)
        _write(replace(old, current=name))


def remove(name: str) -> None:
    """Remove a context and its token.

    Raises:
        DistnetError: there is none of this name, or the file cannot be written.
    """
    with _locked() as old:
        old.get(name)
        left = {key: value for key, value in old.contexts.items() if key != name}
        _write(Contexts(None if old.current == name else old.current, left))


def _contexts(value: Any) -> Contexts:
    contexts = {
        str(name): Context(
            normalised(one["server"]), checked_token(one.get("token")), one.get("ca")
        )
        for name, one in value["contexts"].items()
    }
    current = value.get("current")
    return Contexts(current if current in contexts else None, contexts)


@contextmanager
def _locked() -> Iterator[Contexts]:
    """Read the file and keep other processes from changing it in the meantime."""
    folder = contexts_file().parent
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        handle = os.open(folder, os.O_RDONLY)
    except OSError as error:
        raise DistnetError(
            f"{folder}: cannot save contexts in this folder: {error.strerror}"
        ) from None
    try:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield load()
    finally:
        os.close(handle)


def _to_json(context: Context) -> dict[str, str | None]:
    own = {"ca": context.ca} if context.ca is not None else {}
    return {"server": context.server, "token": context.token, **own}


def _write(contexts: Contexts) -> None:
    """Write the file whole or not at all, never readable by other users."""
    path = contexts_file()
    known = {name: _to_json(context) for name, context in contexts.contexts.items()}
    text = json.dumps({"current": contexts.current, "contexts": known}, indent=2) + "\n"
    partial = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        partial.unlink(missing_ok=True)  # left by a killed process with the same id
        handle = os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        partial.replace(path)
    except OSError as error:
        partial.unlink(missing_ok=True)
        raise DistnetError(f"{path}: cannot write the contexts: {error.strerror}") from None
