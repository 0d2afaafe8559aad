"""Kill the workers of an attempt that hangs, on all nodes.

Ray requests a worker to end; one that is stopped, or holds the interpreter's lock, does not react.
Ray Train notices a killed one, and then ends the attempt as after any death.
"""

import contextlib
import logging

import psutil
import ray
from ray.exceptions import RayError

from distnet.launch.ray.on_node import on_node
from distnet.run_folder.paths import RunFolder
from distnet.run_folder.workers.heartbeat import read_heartbeats
from distnet.run_folder.workers.node_ids import read_node

logger = logging.getLogger(__name__)
TIMEOUT_S = 15.0


def end_workers(folder: RunFolder, attempt: int) -> None:
    """Kill every worker of this attempt whose process id is known."""
    here = ray.get_runtime_context().get_node_id()
    there: dict[str, list[int]] = {}
    for beat in read_heartbeats(folder.heartbeats):
        node = read_node(folder, beat.rank)
        if beat.attempt == attempt and node:
            there.setdefault(node, []).append(beat.process)
    kill(there.pop(here, []))
    tasks = [on_node(kill, node).remote(processes) for node, processes in there.items()]
    try:
        ray.wait(tasks, num_returns=len(tasks), timeout=TIMEOUT_S) if tasks else None
    except RayError as error:  # a node that is gone has no workers to kill either
        logger.info("ending hung workers: %s", error)


def kill(processes: list[int]) -> None:
    """Kill processes of this machine, if they are still workers of Ray."""
    for process in processes:
        with contextlib.suppress(psutil.Error, IndexError):
            found = psutil.Process(process)
            if found.cmdline()[0].startswith("ray::"):
                found.kill()
