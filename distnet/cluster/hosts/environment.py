"""The environment of a host: what is to be in it, and how it gets there."""

import hashlib
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from distnet.cluster.hosts.pythons import Python
from distnet.cluster.hosts.script import run_script
from distnet.cluster.hosts.wheel import Wheel, build_wheel, installed_versions
from distnet.cluster.ssh.shell import Shell
from distnet.cluster.versions import version_of

STEP = "environment"
INSTALL_TIMEOUT_S = 3600.0
"""torch and its CUDA libraries are 5 GB."""


@dataclass(frozen=True)
class Contents:
    """What is to be in the environments of all hosts."""

    wheel: Wheel | None
    """distnet itself; None takes it from the index."""
    packages: tuple[str, ...]
    """More packages."""
    constraints: tuple[str, ...]
    """The versions of what they require."""

    def digest(self, python: Python) -> str:
        """A hash of all that makes environments differ."""
        wheel = None if self.wheel is None else self.wheel.sha256
        facts = [wheel, self.packages, self.constraints, python.version]
        return hashlib.sha256(json.dumps(facts).encode()).hexdigest()[:16]


@dataclass(frozen=True)
class Environment:
    """An environment that works."""

    python: str
    """The path of its Python."""
    versions: dict[str, str]
    """Of distnet, ray, torch and python."""
    is_new: bool


def contents(install: str, packages: Sequence[str]) -> Contents | None:
    """Choose the contents; None: the hosts have an environment already.

    Args:
        install: `checkout`, `index` or `none`.
        packages: more of them, as pip takes them.

    Raises:
        DistnetError: no wheel can be built here.
    """
    if install == "none":
        return None
    constraints = tuple(installed_versions())
    if install == "index":
        return Contents(None, (f"distnet=={version_of('distnet')}", *packages), constraints)
    return Contents(build_wheel(), tuple(packages), constraints)


def prepare(
    shell: Shell,
    python: Python,
    folder: str,
    wanted: Contents | None,
    on_progress: Callable[[str], None],
) -> Environment:
    """Give a host the environment, or leave it alone if it has it.

    Args:
        shell: of the host.
        python: of the host, to make it with.
        folder: of the cluster on that host, an absolute path.
        wanted: what is to be in it; None takes what `python` has.
        on_progress: called with each line of the installation.

    Raises:
        HostError: it could not be made.
    """
    if wanted is None:
        found = _install(shell, python, {"environment": None}, on_progress)
        return Environment(python.path, found["versions"], is_new=False)
    environment = f"{folder}/environments/{wanted.digest(python)}"
    given = {
        "environment": environment,
        "packages": list(wanted.packages),
        "constraints": list(wanted.constraints),
        "only_check": True,
    }
    found = _install(shell, python, given, on_progress)
    if found is None:
        if wanted.wheel is not None:
            path = f"{folder}/wheels/{wanted.wheel.name}"
            on_progress("copying distnet")
            shell.put(wanted.wheel.data, path, step=STEP)
            given["packages"] = [path, *wanted.packages]
        found = _install(shell, python, given | {"only_check": False}, on_progress)
    return Environment(f"{environment}/bin/python", found["versions"], found["is_new"])


def _install(
    shell: Shell, python: Python, given: dict[str, object], on_progress: Callable[[str], None]
) -> Any:
    return run_script(
        shell,
        python.path,
        "install",
        given,
        step=STEP,
        timeout_s=INSTALL_TIMEOUT_S,
        on_progress=on_progress,
    )
