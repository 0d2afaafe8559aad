"""Make a virtual environment with distnet; one that is complete is left alone.

A folder counts as an environment once it has the file COMPLETE, which is written last.
"""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from distnet.cluster.hosts.on_host.messages import Failure, Given, reply, send

COMPLETE = "distnet-complete.json"
LAST_LINES = 3
VERSIONS = """
import json, sys
from importlib.metadata import version
found = {name: version(name) for name in ("distnet", "ray", "torch")}
print(json.dumps(found | {"python": sys.version.split()[0]}))
"""
FULL = ("No space left on device", "Disk quota exceeded")
MINOR = f"{sys.version_info.major}.{sys.version_info.minor}"


def install(given: Given) -> dict[str, object] | None:
    """Make the environment if it is not there; returns its versions, and whether it is new.

    Args:
        given: `environment`, its folder, None for one that exists and is not ours; `packages` for
            pip; `constraints`, their versions; `only_check`, to return None instead of making it.
    """
    if given["environment"] is None:
        return {"is_new": False, "versions": own_versions()}
    folder = Path(given["environment"]).expanduser()
    python = str(folder / "bin" / "python")
    found = versions(python) if (folder / COMPLETE).exists() else None
    if found is not None:
        return {"is_new": False, "versions": found}
    if given["only_check"]:
        return None
    shutil.rmtree(folder, ignore_errors=True)
    folder.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    try:
        make(folder)
        fill(folder, given)
        found = versions(python)
        if found is None:
            raise Failure("install", "the new environment does not work", "run `up` again")
        (folder / COMPLETE).write_text(json.dumps(found))
    except BaseException:
        shutil.rmtree(folder, ignore_errors=True)
        raise
    return {"is_new": True, "versions": found}


def make(folder: Path) -> None:
    """Make the virtual environment."""
    code, lines = run([sys.executable, "-m", "venv", str(folder)])
    text = "\n".join(lines)
    if code != 0 and ("ensurepip" in text or "No module named venv" in text):
        remedy = f"install it; on Debian and Ubuntu: apt-get install python{MINOR}-venv"
        raise Failure("no-venv", f"Python {MINOR} of this host has no `venv`", remedy)
    if code != 0:
        raise failed(lines, "the virtual environment could not be made")


def fill(folder: Path, given: Given) -> None:
    """Install the packages, in the versions of the machine that brings the cluster up."""
    constraints = folder / "constraints.txt"
    constraints.write_text("\n".join(given["constraints"]) + "\n")
    options = ["--no-input", "--progress-bar", "off", "--constraint", str(constraints)]
    packages = [os.path.expanduser(name) for name in given["packages"]]
    code, lines = run([str(folder / "bin" / "python"), "-m", "pip", "install", *options, *packages])
    if code != 0:
        raise failed(lines, "pip could not install the packages")


def run(command: Sequence[str]) -> tuple[int, list[str]]:
    """Run a step; its lines are the progress."""
    process = subprocess.Popen(
        command,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        env={**os.environ, "PIP_DISABLE_PIP_VERSION_CHECK": "1", "PYTHONNOUSERSITE": "1"},
        text=True,
        errors="replace",
    )
    lines = []
    assert process.stdout is not None
    for line in map(str.strip, process.stdout):
        if line:
            lines.append(line)
            send(progress=line)
    return process.wait(), lines


def failed(lines: Sequence[str], what: str) -> Failure:
    """The failure behind the last lines of a command."""
    if any(text in line for line in lines for text in FULL):
        return Failure(
            "no-space", FULL[0], "free space on the host's disk, or set another `folder`"
        )
    marked = [line for line in lines if line.startswith("ERROR")] or list(lines)
    return Failure(
        "install",
        f"{what}: {' / '.join(marked[-LAST_LINES:]) or 'no message'}",
        "check the host's network, its pip configuration, and `packages` in the cluster file",
    )


def versions(python: str) -> dict[str, str] | None:
    """The versions of what is installed; None if it does not work."""
    try:
        found = subprocess.check_output([python, "-c", VERSIONS], stderr=subprocess.DEVNULL)
        versions: dict[str, str] = json.loads(found)
    except (OSError, ValueError, subprocess.SubprocessError):
        return None
    return versions


def own_versions() -> dict[str, str]:
    """The versions of what this Python has, where nothing is installed by distnet."""
    found = versions(sys.executable)
    if found is None:
        found_text = f"{sys.executable} does not have all of distnet, ray and torch"
        remedy = "install distnet there, or set `install: checkout` in the cluster file"
        raise Failure("no-distnet", found_text, remedy)
    return found


if __name__ == "__main__":
    reply(install)
