"""The last words of a worker that died: on its node, where it could ship them no more."""

import logging
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import ray
from ray.exceptions import RayError

from distnet.launch.ray.on_node import on_node
from distnet.launch.ray.relay.changes import leftover
from distnet.launch.ray.relay.scratch import remove_leftovers
from distnet.run_folder.paths import RunFolder
from distnet.run_folder.workers.node_ids import read_node

logger = logging.getLogger(__name__)
TIMEOUT_S = 10.0


def fetch_leftovers(folder: RunFolder, workers: int) -> None:
    """Append to the logs in the run folder what the workers on other nodes have left.

    What is left of their replicas is removed then.
    """
    try:
        tasks = dict(_started(folder, workers))
        if not tasks:
            return
        for task in _ended(list(tasks)):
            _append(tasks[task], task)
        nodes = {node for rank in range(workers) if (node := _copied_on(folder, rank))}
        _ended([on_node(remove_leftovers, node).remote() for node in nodes])
    except (RayError, OSError, RuntimeError) as error:  # a Ray that is gone
        logger.info("the last words of workers: %s", error)


def _started(folder: RunFolder, workers: int) -> Iterator[tuple[Any, Path]]:
    """Begin to fetch from every node; yields tasks and where their results belong."""
    for rank in range(workers):
        if node := _copied_on(folder, rank):
            task = on_node(leftover, node).remote(folder.copied_log(rank).read_text())
            yield task, folder.worker_log(rank)


def _copied_on(folder: RunFolder, rank: int) -> str | None:
    """The node on which a worker has a replica of the run folder; None if it has none."""
    return read_node(folder, rank) if folder.copied_log(rank).is_file() else None


def _ended(tasks: list[Any]) -> list[Any]:
    done: list[Any] = ray.wait(tasks, num_returns=len(tasks), timeout=TIMEOUT_S)[0]
    return done


def _append(log: Path, task: Any) -> None:
    try:
        rest = ray.get(task)
    except RayError as error:  # the node is gone, and its log with it
        logger.info("the last words in %s: %s", log, error)
        return
    with log.open("ab") as file:
        file.write(rest)
