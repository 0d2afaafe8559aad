"""The command lines of `ssh`.

The user's own settings hold: what a cluster file does not say is left to `~/.ssh/config`, and host
keys are checked as the user has it. Only questions are switched off, since nobody could reply to
those of twenty hosts at a time.
"""

import shlex
from collections.abc import Sequence
from pathlib import Path

from distnet.cluster.host import Host

CONNECT_TIMEOUT_S = 10
ALIVE_INTERVAL_S, ALIVE_COUNT = 5, 3
"""A connection whose other side is silent for so many intervals has ended."""


def ssh_command(host: Host, socket: Path, *, jump: list[str] | None = None) -> list[str]:
    """The words that begin a command line of ssh to a host, up to its name.

    Args:
        host: to connect to.
        socket: of the shared connection.
        jump: the command line of ssh to the jump host, up to and with its name.
    """
    options = {
        "BatchMode": "yes",
        "ConnectTimeout": CONNECT_TIMEOUT_S,
        "ServerAliveInterval": ALIVE_INTERVAL_S,
        "ServerAliveCountMax": ALIVE_COUNT,
        "ControlPath": socket,
        "ForwardAgent": "no",
        "ForwardX11": "no",
        "LogLevel": "INFO",  # the reasons of failures are on this level
    }
    words = ["ssh", "-T"]
    for name, value in options.items():
        words += ["-o", f"{name}={value}"]
    return [*words, *_own_options(host, jump), "--", host.hostname]


def by_hand(host: Host) -> str:
    """What a person would type to connect to a host."""
    port = "" if host.port is None else f"-p {host.port} "
    key = "" if host.key is None else f"-i {host.key} "
    jump = "" if host.jump is None else f"-J {host.jump} "
    user = "" if host.user is None else f"{host.user}@"
    return f"ssh {jump}{key}{port}{user}{host.hostname}"


def interactive(host: Host, jump: Host | None, words: Sequence[str]) -> list[str]:
    """The command line of ssh for a person at a terminal: nothing is shared, questions are shown.

    Args:
        host: to connect to.
        jump: the jump host; None: the host has none.
        words: the command to run there; none opens a shell.
    """
    proxy = None if jump is None else ["ssh", *_own_options(jump, None), "--", jump.hostname]
    command = [shlex.join(words)] if words else []
    return ["ssh", *_own_options(host, proxy), "--", host.hostname, *command]


def share(command: list[str]) -> list[str]:
    """Have a command line open the shared connection."""
    return [*command[:1], "-o", "ControlMaster=yes", "-o", "ControlPersist=no", *command[1:]]


def use(command: list[str]) -> list[str]:
    """Have a command line use the shared connection."""
    return [*command[:1], "-o", "ControlMaster=no", *command[1:]]


def _own_options(host: Host, jump: list[str] | None) -> list[str]:
    words = []
    if host.user is not None:
        words += ["-l", host.user]
    if host.port is not None:
        words += ["-p", str(host.port)]
    if host.key is not None:  # and not the first few of an agent with many keys
        words += ["-i", str(host.key.expanduser()), "-o", "IdentitiesOnly=yes"]
    if jump is not None:
        words += ["-o", f"ProxyCommand={_proxy(jump)}"]
    return words


def _proxy(jump: list[str]) -> str:
    """The command line to the jump host, in ssh's own small language."""
    *options, dashes, name = use(jump)
    through = shlex.join(options).replace("%", "%%")
    return f"{through} -W '[%h]:%p' {dashes} {shlex.quote(name)}"
