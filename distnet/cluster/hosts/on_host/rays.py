"""The Ray nodes that run on a machine, from its processes: no connection, no token."""

import os
import re
from contextlib import suppress
from pathlib import Path

from distnet.cluster.hosts.on_host.processes import MARK, PROC

RAYLET = "/raylet"
GCS, ADDRESS = "--gcs-address=", "--node_ip_address="
VERSION = re.compile(r'^version = "([^"]+)"', re.MULTILINE)


def rays() -> list[dict[str, object]]:
    """List the Ray nodes in this network namespace."""
    found = []
    own = os.readlink(PROC / "self" / "ns" / "net")
    for folder in PROC.iterdir():
        with suppress(OSError):
            if folder.name.isdigit() and os.readlink(folder / "ns" / "net") == own:
                words = (folder / "cmdline").read_bytes().decode(errors="replace").split("\0")
                if words[0].endswith(RAYLET):
                    found.append(described(folder, words))
    return found


def described(folder: Path, words: list[str]) -> dict[str, object]:
    """Describe the node of a raylet."""
    variables = environment(folder)
    return {
        "pid": int(folder.name),
        "version": version(words[0]),
        "auth_mode": variables.get("RAY_AUTH_MODE"),
        "head": option(words, GCS),
        "address": option(words, ADDRESS),
        "mark": variables.get(MARK),
    }


def environment(folder: Path) -> dict[str, str]:
    """The environment of a process; empty if it is another user's."""
    try:
        text = (folder / "environ").read_bytes().decode(errors="replace")
    except OSError:
        return {}
    return dict(row.split("=", 1) for row in text.split("\0") if "=" in row)


def version(raylet: str) -> str | None:
    """The version of Ray to which a program belongs: `.../ray/core/src/ray/raylet/raylet`."""
    with suppress(OSError, IndexError):
        found = VERSION.search((Path(raylet).parents[4] / "_version.py").read_text())
        return found[1] if found else None
    return None


def option(words: list[str], name: str) -> str | None:
    """The value of an option in a command line."""
    return next((word[len(name) :] for word in words if word.startswith(name)), None)
