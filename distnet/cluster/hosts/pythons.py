"""The Pythons of a host, and which of them to use."""

import json
import sys
from dataclasses import dataclass

from distnet.cluster.errors import HostError
from distnet.cluster.ssh.shell import Shell

OLDEST = (3, 11)
NEWEST = (3, 14)
STEP = "python"
FOLDERS = ('"$HOME/.local/bin"', "/usr/local/bin", "/opt/conda/bin", '"$HOME/miniconda3/bin"')
"""Where Pythons are that logins over ssh do not have on PATH."""
DESCRIBE = (
    "import importlib.util as u,json,sys;"
    "has=lambda n:getattr(u.find_spec(n),'origin',None) is not None;"
    "print(json.dumps([sys.executable,sys.version_info[:3],has('distnet'),has('ensurepip')]))"
)


@dataclass(frozen=True)
class Python:
    """An interpreter on a host."""

    path: str
    version: tuple[int, int, int]
    has_distnet: bool
    has_venv: bool

    @property
    def minor(self) -> tuple[int, int]:
        """The version that all nodes must have in common."""
        return self.version[:2]


def find_pythons(shell: Shell) -> list[Python]:
    """Find the Pythons of a host; the best is first: of this machine's version, then the newest.

    Raises:
        HostError: ssh failed.
    """
    names = [f"python3.{minor}" for minor in range(NEWEST[1], OLDEST[1] - 1, -1)]
    listed = " ".join(["python3", *names, *(f"{folder}/python3" for folder in FOLDERS)])
    script = (
        f'for name in {listed}; do path=$(command -v "$name" 2>/dev/null) && '
        f'"$path" -c "{DESCRIBE}" 2>/dev/null; done; true'
    )
    ended = shell.run(["sh", "-c", script], step=STEP)
    found = {python.path: python for line in ended.stdout.splitlines() if (python := _read(line))}
    own = sys.version_info[:2]
    return sorted(found.values(), key=lambda python: (python.minor != own, _negative(python)))


def usable(shell: Shell, pythons: list[Python]) -> Python:
    """Choose one that can run distnet's scripts.

    Raises:
        HostError: there is none.
    """
    for python in pythons:
        if python.minor >= OLDEST:
            return python
    raise _none(shell, pythons, "Python 3.11 or newer", "python3.11 python3.11-venv")


def choose(
    shell: Shell,
    pythons: list[Python],
    *,
    needs_distnet: bool,
    minor: tuple[int, int] | None,
    head: str,
) -> Python:
    """Choose the Python of a node.

    Args:
        shell: of the host.
        pythons: of the host, the best first.
        needs_distnet: whether distnet must be installed there already.
        minor: the version of the head; None for the head itself.
        head: the name of the head.

    Raises:
        HostError: there is none.
    """
    new = [python for python in pythons if python.minor >= OLDEST]
    fitting = [python for python in new if minor in (None, python.minor)]
    if not new:
        raise _none(shell, pythons, "Python 3.11 or newer", "python3.11 python3.11-venv")
    if not fitting:
        wanted = f"{(minor or OLDEST)[0]}.{(minor or OLDEST)[1]}"
        raise _none(
            shell, pythons, f"Python {wanted} as on {head}", f"python{wanted} python{wanted}-venv"
        )
    with_distnet = [python for python in fitting if python.has_distnet]
    if needs_distnet and not with_distnet:
        found = f"no Python of this host has distnet ({_listed(fitting)})"
        remedy = "install distnet there, or set `install: checkout` in the cluster file"
        raise HostError(shell.host.name, STEP, "no-distnet", found, remedy)
    if needs_distnet:
        return with_distnet[0]
    with_venv = [python for python in fitting if python.has_venv]
    return (with_venv or fitting)[0]


def _none(shell: Shell, pythons: list[Python], expected: str, packages: str) -> HostError:
    kind = "wrong-python" if pythons else "no-python"
    found = f"found {_listed(pythons)}, expected {expected}"
    remedy = f"install it; on Debian and Ubuntu: apt-get install {packages}"
    return HostError(shell.host.name, STEP, kind, found, remedy)


def _listed(pythons: list[Python]) -> str:
    texts = {f"{'.'.join(map(str, python.version))} ({python.path})" for python in pythons}
    return f"Python {', '.join(sorted(texts))}" if texts else "no Python 3"


def _read(line: str) -> Python | None:
    try:
        path, version, has_distnet, has_venv = json.loads(line)
        return Python(str(path), tuple(version), bool(has_distnet), bool(has_venv))
    except (ValueError, TypeError):
        return None


def _negative(python: Python) -> tuple[int, ...]:
    return tuple(-number for number in python.version)
