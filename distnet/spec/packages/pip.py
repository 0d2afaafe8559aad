"""Run pip, and say why it failed.

It is the node's own pip, for an environment that holds nothing yet and sees what the node has. So
it adds what is missing, and leaves what is there alone.
"""

import importlib.util
import os
import re
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from distnet.errors import DistnetError, PackageError, PackageIndexError, StorageError

TIME_LIMIT_S = 1800.0
LAST_LINES = 8
OPTIONS = ("--no-input", "--disable-pip-version-check", "--progress-bar=off", "--no-color")
NOT_HERE = ("PIP_TARGET", "PIP_PREFIX", "PIP_ROOT", "PIP_USER", "PIP_REQUIREMENT", "PIP_PYTHON")
"""Settings of the user's own pip that would install to somewhere else, or something else."""
NO_INDEX = re.compile(
    r"NewConnectionError|ConnectTimeoutError|ReadTimeoutError|NameResolutionError|ProxyError"
    r"|SSLError|connection broken by|Temporary failure in name resolution|Network is unreachable"
    r"|HTTP error 5\d\d|\b50[0234] Server Error"
)
NO_SPACE = re.compile(r"No space left on device|Disk quota exceeded")
CONFLICT = "ResolutionImpossible"
NOISE = re.compile(
    r"^\s*$|^\[notice\]|^WARNING: Retrying|^Looking in|^DEPRECATION|^To fix this|^\d\. |"
    rf"^ERROR: {CONFLICT}"
)
NAMED = re.compile(r"\$\{([A-Z0-9_]+)\}")
"""A variable in a requirements file, which pip replaces by its value."""


def pip_install(python: Path, lines: Sequence[str], pins: Mapping[str, str], scratch: Path) -> None:
    """Install packages into the environment of `python`.

    Args:
        python: of an environment that sees the packages of this one.
        lines: of a requirements file.
        pins: by name, versions that must stay.
        scratch: a folder for the files that pip reads.

    Raises:
        PackageError: a package does not exist, does not install, or needs other versions.
        PackageIndexError: the index of packages cannot be reached.
        StorageError: the disk is full.
    """
    if importlib.util.find_spec("pip") is None:
        raise PackageError(
            f"packages: found no pip beside {sys.executable}; install it there: "
            "python -m ensurepip, or uv pip install pip"
        )
    wanted, kept = scratch / "requirements.txt", scratch / "constraints.txt"
    wanted.write_text("".join(f"{line}\n" for line in lines))
    kept.write_text("".join(f"{name}=={version}\n" for name, version in pins.items()))
    pip = [sys.executable, "-m", "pip", "--python", str(python), "install", *OPTIONS]
    environment = {name: value for name, value in os.environ.items() if name not in NOT_HERE}
    try:
        ended = subprocess.run(
            [*pip, "--requirement", str(wanted), "--constraint", str(kept)],
            cwd=scratch,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            timeout=TIME_LIMIT_S,
            check=False,
        )
    except subprocess.TimeoutExpired:
        raise PackageError(
            f"packages: pip took longer than {TIME_LIMIT_S / 60:.0f} minutes for "
            f"{', '.join(lines)}; install them on all nodes instead"
        ) from None
    if ended.returncode:
        text = ended.stdout.decode(errors="replace").replace(str(wanted), "packages")
        raise pip_error(_without_secrets(text, lines))


def pip_error(text: str) -> DistnetError:
    """The error for what pip has printed."""
    lines = [line.rstrip() for line in text.splitlines() if not NOISE.match(line)]
    last = "".join(f"\n    {line}" for line in lines[-LAST_LINES:])
    if NO_SPACE.search(text):
        return StorageError(f"packages: the disk is full:{last}")
    if lost := [line for line in text.splitlines() if NO_INDEX.search(line)]:
        return PackageIndexError(
            "packages: pip cannot reach an index of packages, so whether they exist is unknown; "
            f"check the network and pip's settings on the nodes:\n    {lost[-1].strip()}"
        )
    if CONFLICT in text:
        return PackageError(
            "packages: these packages do not fit together, or not with the versions that the nodes "
            f"have (pip calls those constraints):{last}"
        )
    return PackageError(f"packages: pip could not install them:{last}")


def _without_secrets(text: str, lines: Sequence[str]) -> str:
    """Hide the values that variables in the lines stand for; pip itself hides passwords."""
    for name in NAMED.findall("\n".join(lines)):
        if value := os.environ.get(name):
            text = text.replace(value, "****")
    return text
