"""A Ray of two nodes on this machine: the second can be switched off like one of a cloud's.

    head 127.0.0.2, second node 127.0.0.3: Linux answers at all of 127.0.0.0/8

Both listen on their own addresses and share one token. They share the cores so that neither alone
has enough for all workers.
"""

import contextlib
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from distnet.chaos.family import Family
from distnet.errors import NotEnoughResourcesError
from distnet.launch.processes import below, kill, title_of
from distnet.launch.ray.guardian import guarded
from distnet.launch.ray.node import NodeOptions, RayNode, new_token
from distnet.spec.plural import counted

HEAD, SECOND = "127.0.0.2", "127.0.0.3"
RAYLET_TITLE = "raylet/raylet"


class TwoNodes:
    """The nodes of all trials that need them.

    Args:
        folder: for the logs of the nodes and for Ray's sockets; its name must be short.
        family: every node is added to it.
        head_cpus: cores of the head.
        second_cpus: cores of the second node.
    """

    def __init__(self, folder: Path, *, family: Family, head_cpus: int, second_cpus: int) -> None:
        self.family = family
        options = NodeOptions(
            HEAD, folder, head_cpus, token=new_token(), environment=family.environment
        )
        self._head = RayNode(options)
        self.address, self.environment = self._head.address, options.credentials
        self._second = RayNode(
            replace(options, host=SECOND, num_cpus=second_cpus, head=self.address)
        )
        for node in (self._head, self._second):
            self._start(node)
        self.wait()

    def switch_off(self, *, with_workers: bool) -> str:
        """Kill the second node as if its machine had lost its power; returns what was killed.

        Args:
            with_workers: kill all below the raylet in the same moment; otherwise leave that to
                itself.
        """
        raylet = next(
            process for process in below(self._second.process) if RAYLET_TITLE in title_of(process)
        )
        lost = below(raylet)
        raylet.kill()
        if with_workers:
            kill(lost)
        also = f" and {counted(len(lost), 'process', 'processes')} below it" if with_workers else ""
        return f"raylet {raylet.pid} of {SECOND}{also}"

    def replace(self) -> None:
        """Start another second node in place of one that is off, without waiting for it."""
        self._second.end()
        self._start(self._second)

    def wait(self) -> None:
        """Wait until both nodes are up.

        Raises:
            NotEnoughResourcesError: one did not come up.
        """
        try:
            for node in (self._head, self._second):
                node.wait()
        except NotEnoughResourcesError as error:
            raise NotEnoughResourcesError(
                f"--kill raylet: {error}\nfix what Ray reports, or leave raylet out of --kill"
            ) from None

    def _start(self, node: RayNode) -> None:
        node.start()
        self.family.add(node.process.pid)


@contextlib.contextmanager
def two_nodes(mark: str, *, workers: int, cpus: int) -> Iterator[TwoNodes]:
    """Run the nodes for the time of the context; nothing of them is left behind, even if killed.

    Args:
        mark: of their processes.
        workers: of the job.
        cpus: cores per worker.

    Raises:
        NotEnoughResourcesError: they could not be started, or not on this system.
    """
    if sys.platform != "linux":
        raise NotEnoughResourcesError(
            f"--kill raylet: found {sys.platform}, expected Linux, which has a loopback address "
            "for a second node; leave raylet out of --kill"
        )
    family, on_second = Family(mark), max(1, workers // 2)
    with (
        tempfile.TemporaryDirectory(prefix="distnet-chaos-", dir="/tmp") as name,
        guarded(Path(name)),
    ):
        try:
            yield TwoNodes(
                Path(name),
                family=family,
                head_cpus=(workers - on_second) * cpus,
                second_cpus=on_second * cpus,
            )
        finally:
            family.end()
