"""Leftovers of a trial: processes, actors, placement groups, temporary folders."""

import contextlib
import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

from distnet.chaos.family import Family
from distnet.chaos.nodes import TwoNodes
from distnet.launch.processes import below, title_of

TIMEOUT_S = 20.0
POLL_S = 0.25
SHARED_MEMORY = Path("/dev/shm")
RAYS_OWN = ("ray::IDLE", "ray::DashboardAgent", "ray::RuntimeEnvAgent", "ray::_Autoscaling")
"""Processes that a running Ray keeps, whether it trained or not."""


class Remains:
    """Compares with what was there before a trial.

    Args:
        family: the trial's processes.
        nodes: the Ray of the trial, if that keeps running.
    """

    def __init__(self, family: Family, nodes: TwoNodes | None) -> None:
        self._family, self._nodes = family, nodes
        self._before = set(_shared_memory())

    def wait(self, timeout_s: float = TIMEOUT_S) -> tuple[str, ...]:
        """Give everything some time to go; returns what is left."""
        deadline = time.monotonic() + timeout_s
        while (left := self._left()) and time.monotonic() < deadline:
            time.sleep(POLL_S)
        while (groups := self._groups()) and time.monotonic() < deadline:
            time.sleep(POLL_S)
        return (*left, *groups)

    def remove(self) -> None:
        """End the processes and remove the folders of the trial that are left."""
        self._family.end()
        for folder in self._folders():
            shutil.rmtree(folder, ignore_errors=True)

    def _left(self) -> list[str]:
        processes = [f"process {p.pid} ({title_of(p)[:60]})" for p in self._family.alive()]
        files = sorted(set(_shared_memory()) - self._before)
        return [*processes, *self._actors(), *(str(path) for path in (*self._folders(), *files))]

    def _actors(self) -> list[str]:
        """Ray processes of the nodes that work for a job."""
        roots = self._nodes.family.roots() if self._nodes else []
        found = {process for root in roots for process in below(root)}
        titles = {process.pid: title_of(process) for process in found}
        return [
            f"process {pid} ({title[:60]})"
            for pid, title in sorted(titles.items())
            if title.startswith("ray::") and not title.startswith(RAYS_OWN)
        ]

    def _folders(self) -> list[Path]:
        """Scratch folders, which are named after the process that made them: distnet run."""
        pids = {str(process.pid) for process in self._family.roots()}
        found = Path("/tmp").glob("distnet-*-*")
        return sorted(path for path in found if path.name.split("-")[1] in pids)

    def _groups(self) -> list[str]:
        if self._nodes is None:
            return []
        command = [sys.executable, "-m", "distnet.launch.ray.groups", self._nodes.address]
        environment = os.environ | self._nodes.environment
        ended = subprocess.run(command, env=environment, capture_output=True, check=False)
        with contextlib.suppress(ValueError, IndexError):
            return [f"placement group {name}" for name in json.loads(ended.stdout.splitlines()[-1])]
        return [f"placement groups unknown: {ended.stderr.decode(errors='replace')[-200:]}"]


def _shared_memory() -> Iterator[Path]:
    """Files that workers share; they are unlinked once all workers have opened them."""
    return SHARED_MEMORY.glob("distnet-*")
