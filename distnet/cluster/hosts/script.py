"""Send a script of `on_host/` to a host, run it there, and read its messages.

Nothing is written on the host: the modules travel in the command line, packed, and are unpacked in
the memory of the host's Python.
"""

import base64
import json
import re
import zlib
from collections.abc import Callable, Sequence
from functools import cache
from pathlib import Path
from typing import Any

from distnet.cluster.errors import HostError
from distnet.cluster.ssh.process import Ended
from distnet.cluster.ssh.shell import RUN_TIMEOUT_S, Shell

PACKAGE = "distnet.cluster.hosts.on_host"
FOLDER = Path(__file__).parent / "on_host"
IMPORT = re.compile(r"^from distnet\.cluster\.hosts\.on_host\.(\w+) import", re.MULTILINE)
LOADER = (
    "import base64,json,sys,types,zlib;"
    "modules,script=json.loads(zlib.decompress(base64.b64decode(sys.argv.pop(1))));"
    "run=lambda name,code,into:exec(compile(code,name,'exec'),into);"
    "load=lambda name,code:run(name,code,sys.modules.setdefault(name,types.ModuleType(name))"
    ".__dict__);"
    "[load(name,code) for name,code in modules];"
    "run('script',script,globals())"
)


def run_script(
    shell: Shell,
    python: str,
    script: str,
    given: dict[str, Any],
    *,
    step: str,
    timeout_s: float = RUN_TIMEOUT_S,
    on_progress: Callable[[str], None] | None = None,
) -> Any:
    """Run a script on a host, and return its result.

    Args:
        shell: of the host.
        python: the path of its Python, 3.11 or newer.
        script: the name of a module of `on_host/`.
        given: its arguments.
        step: what it is for, for errors.
        timeout_s: the time that it may take.
        on_progress: called with each line of its progress.

    Raises:
        HostError: what the script, or ssh, could not do.
    """
    command = [python, "-I", "-c", LOADER, _packed(script), json.dumps(given)]
    return run_program(shell, command, step=step, timeout_s=timeout_s, on_progress=on_progress)


def run_program(
    shell: Shell,
    command: Sequence[str],
    *,
    step: str,
    timeout_s: float = RUN_TIMEOUT_S,
    on_progress: Callable[[str], None] | None = None,
) -> Any:
    """Run a program that prints the messages of scripts, and return its result.

    Args:
        shell: of the host.
        command: its words.
        step: what it is for, for errors.
        timeout_s: the time that it may take.
        on_progress: called with each line of its progress.

    Raises:
        HostError: what the program, or ssh, could not do.
    """
    messages: list[dict[str, Any]] = []

    def read(line: str) -> None:
        message = _message(line)
        if message is None:
            return
        messages.append(message)
        if on_progress is not None and "progress" in message:
            on_progress(str(message["progress"]))

    ended = shell.run(command, step=step, timeout_s=timeout_s, on_line=read, holds_input=True)
    return _result(shell.host.name, step, messages, ended)


def _message(line: str) -> dict[str, Any] | None:
    """A line as a message; None for what login scripts print."""
    try:
        message = json.loads(line)
    except ValueError:
        return None
    return message if isinstance(message, dict) else None


def _result(host: str, step: str, messages: list[dict[str, Any]], ended: Ended) -> Any:
    for message in messages:
        if "error" in message:
            error = message["error"]
            raise HostError(host, step, error["kind"], error["found"], error["remedy"])
        if "result" in message:
            return message["result"]
    last = (ended.errors.strip() or f"exit code {ended.code}").splitlines()[-1]
    raise HostError(host, step, "command", last, "see the message of the host")


@cache
def _packed(script: str) -> str:
    modules = [(f"{PACKAGE}.{name}", _source(name)) for name in _needed(script)]
    packed = zlib.compress(json.dumps([modules, _source(script)]).encode(), level=9)
    return base64.b64encode(packed).decode()


def _needed(script: str) -> list[str]:
    """The modules that one imports, each after those that it imports itself."""
    names: list[str] = []
    for name in IMPORT.findall(_source(script)):
        names += [each for each in (*_needed(name), name) if each not in names]
    return names


def _source(name: str) -> str:
    return (FOLDER / f"{name}.py").read_text(encoding="utf-8")
