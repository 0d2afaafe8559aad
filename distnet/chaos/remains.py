"""What a trial left behind: processes, actors, placement groups, temporary folders."""

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

PATIENCE_S = 20.0
LOOKED_AT_EVERY_S = 0.25
SHARED_MEMORY = Path("/dev/shm")
RAYS_OWN = ("ray::IDLE", "ray::DashboardAgent", "ray::RuntimeEnvAgent", "ray::_Autoscaling")
"""What a Ray that goes on keeps, whether it trained or not."""


class Remains:
    """Knows what was there before a trial.

    Args:
        family: the trial's processes.
        nodes: the Ray of the trial, where that goes on.
    """

    def __init__(self, family: Family, nodes: TwoNodes | None) -> None:
        self._family, self._nodes = family, nodes
        self._before = set(_shared_memory())

    def wait(self, patience_s: float = PATIENCE_S) -> tuple[str, ...]:
        """Give all of it some time to go; returns what has not."""
        deadline = time.monotonic() + patience_s
        while (left := self._left()) and time.monotonic() < deadline:
            time.sleep(LOOKED_AT_EVERY_S)
        while (groups := self._groups()) and time.monotonic() < deadline:
            time.sleep(LOOKED_AT_EVERY_S)
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
        """Processes of the nodes that work for somebody."""
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
        asked = subprocess.run(command, env=environment, capture_output=True, check=False)
        with contextlib.suppress(ValueError, IndexError):
            return [f"placement group {name}" for name in json.loads(asked.stdout.splitlines()[-1])]
        return [f"placement groups unknown: {asked.stderr.decode(errors='replace')[-200:]}"]


def _shared_memory() -> Iterator[Path]:
    """Files of rows that workers share; they have no name once all workers have opened them."""
    return SHARED_MEMORY.glob("distnet-*")
