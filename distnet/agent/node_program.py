"""One program on one node, as a task of Ray: its output, line by line, then its exit code."""

import os
import subprocess
import sys
import threading
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import psutil

from distnet.errors import DistnetError
from distnet.spec.packages.overlay import open_overlay
from distnet.spec.packages.requirements import requirements_of_lines
from distnet.spec.variables import variables_set

MOST_BYTES = 1_000_000
NOT_FOUND, NOT_ALLOWED, FAILED, TIMED_OUT, CUT = 127, 126, 125, 124, 141
"""Exit codes, as shells and `timeout` have them; 141 is that of a broken pipe."""
SECRETS = ("DISTNET_ATTEMPT_SECRET", "DISTNET_SERVER")
Output = str | int


@dataclass(frozen=True)
class Program:
    """A program, and what it finds."""

    argv: tuple[str, ...]
    """The program and its arguments; there is no shell."""
    variables: Mapping[str, str]
    """Those of the job."""
    packages: tuple[str, ...]
    """Those of the job, as its plan has them."""
    code: Path
    """The job's own code."""
    folder: Path
    """Where it runs, if the node has that folder."""
    timeout_s: float
    """After this time it is killed, with all that it has started."""


def run_program(program: Program) -> Iterator[Output]:
    """Run a program: yields its lines, without their ends, and last its exit code."""
    argv = program.argv
    try:
        environment = _environment(program)
    except DistnetError as error:
        yield str(error)
        yield FAILED
        return
    try:
        process = subprocess.Popen(
            argv,
            cwd=program.folder if program.folder.is_dir() else None,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
        )
    except OSError as error:
        yield f"{argv[0]}: cannot be run on this node: {error.strerror}"
        yield NOT_FOUND if isinstance(error, FileNotFoundError) else NOT_ALLOWED
        return
    late = threading.Event()

    def end() -> None:
        late.set()
        _kill(process)

    timer = threading.Timer(program.timeout_s, end)
    timer.daemon = True
    timer.start()
    try:
        yield from _lines(process, late, program.timeout_s)
    finally:
        timer.cancel()
        _kill(process)


def _environment(program: Program) -> dict[str, str]:
    """That of the node, with the job's variables and packages, but not the attempt's secret."""
    own = {name: value for name, value in os.environ.items() if name not in SECRETS}
    own |= program.variables
    own["PATH"] = os.pathsep.join([str(Path(sys.executable).parent), own.get("PATH", "")])
    if program.packages:
        with variables_set(program.variables):
            wanted = requirements_of_lines(program.packages)
            overlay = open_overlay(wanted, program.code, say=lambda _: None)
        own["PYTHONPATH"] = os.pathsep.join([str(overlay.site), own.get("PYTHONPATH", "")])
    return own


def _lines(
    process: "subprocess.Popen[bytes]", late: threading.Event, most_s: float
) -> Iterator[Output]:
    assert process.stdout is not None, "it is a pipe"
    num_bytes = 0
    while line := process.stdout.readline(MOST_BYTES):
        num_bytes += len(line)
        if num_bytes > MOST_BYTES:
            yield f"killed: it has printed more than {MOST_BYTES / 1e6:g} MB on this node"
            yield CUT
            return
        yield line.decode(errors="replace").rstrip("\r\n")
    code = process.wait()
    if late.is_set():
        yield f"killed after {most_s:g} s (--timeout)"
    yield TIMED_OUT if late.is_set() else code if code >= 0 else 128 - code


def _kill(process: "subprocess.Popen[bytes]") -> None:
    """Kill a program and all that it has started."""
    with suppress(psutil.Error):
        root = psutil.Process(process.pid)
        family = [root, *root.children(recursive=True)]
        for each in family:
            with suppress(psutil.Error):
                each.kill()
