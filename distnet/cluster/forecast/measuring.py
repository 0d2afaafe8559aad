"""Measure the pace of a job on this machine, in processes of their own.

As many processes compute at the same time as a host is to have workers: they share its memory, its
caches and its clock. This process stays free of torch.
"""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from distnet.errors import DistnetError, WorkerFailedError
from distnet.launch.pace.pace import Pace, read_pace, slowest
from distnet.run_folder.read import read_object
from distnet.spec.read import JobFile
from distnet.train.device.portable import environment_of

POLL_S, END_S = 0.05, 5.0
LAST_LINES = 5


def measure_pace(
    file: JobFile, overrides: Sequence[str], *, busy: int = 1, seconds: float = 1.0
) -> Pace:
    """Measure a job; the slowest of the processes counts, since workers wait for one another.

    Args:
        file: the job file.
        overrides: those with which it was read, as KEY=VALUE.
        busy: processes that compute at the same time.
        seconds: of each of the five measurements.

    Raises:
        DistnetError: the job has faults, or a process failed.
    """
    with TemporaryDirectory(prefix="distnet-forecast-") as name:
        folder = Path(name)
        command = [sys.executable, "-m", "distnet.launch.pace", str(file.path), name]
        words = [str(busy), str(seconds), *overrides]
        environment = {**os.environ, **environment_of(file.job)}
        with _started([[*command, str(i), *words] for i in range(busy)], folder, environment) as p:
            _wait(p)
        paces = [_result(folder, index) for index in range(busy)]
    return slowest(paces)


@contextmanager
def _started(
    commands: Sequence[list[str]], folder: Path, environment: dict[str, str]
) -> Iterator[list[subprocess.Popen[bytes]]]:
    """The processes; none is left when the context ends."""
    processes: list[subprocess.Popen[bytes]] = []
    try:
        for index, command in enumerate(commands):
            with (folder / f"log-{index}").open("wb") as log:
                processes.append(subprocess.Popen(command, env=environment, stdout=log, stderr=log))
        yield processes
    finally:
        for process in processes:
            if process.poll() is None:
                process.send_signal(signal.SIGKILL)
            process.wait(END_S)


def _wait(processes: Sequence[subprocess.Popen[bytes]]) -> None:
    """Until all have ended, or one has failed: the others would wait for it."""
    while any(process.poll() is None for process in processes):
        if any(process.poll() for process in processes):
            return
        time.sleep(POLL_S)


def _result(folder: Path, index: int) -> Pace:
    path = folder / f"result-{index}.json"
    others = [p for p in folder.glob("result-*.json") if "error" in read_object(p)]
    if others:
        _raise(read_object(others[0]))
    if not path.is_file():
        log = (folder / f"log-{index}").read_text("utf-8", "replace").splitlines()
        last = "\n".join(log[-LAST_LINES:]) or "it printed nothing"
        raise WorkerFailedError(f"the process that measures the job left no result:\n{last}")
    return read_pace(read_object(path), "the process that measures the job")


def _raise(result: dict[str, Any]) -> None:
    raise DistnetError(str(result["error"]))
