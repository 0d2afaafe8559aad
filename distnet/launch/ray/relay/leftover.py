"""The last words of a worker that died: on its node, where it could ship them no more."""

import logging
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import ray
from ray.exceptions import RayError

from distnet.launch.ray.on_node import on_node
from distnet.launch.ray.relay.changes import leftover
from distnet.run_folder.node_ids import read_node
from distnet.run_folder.paths import RunFolder

logger = logging.getLogger(__name__)
TIMEOUT_S = 10.0


def fetch_leftovers(folder: RunFolder, workers: int) -> None:
    """Append to the logs in the run folder what the workers on other nodes have left."""
    try:
        tasks = dict(_started(folder, workers))
        if not tasks:
            return
        done, _ = ray.wait(list(tasks), num_returns=len(tasks), timeout=TIMEOUT_S)
        for task in done:
            _append(tasks[task], task)
    except (RayError, OSError, RuntimeError) as error:  # a Ray that is gone
        logger.info("the last words of workers: %s", error)


def _started(folder: RunFolder, workers: int) -> Iterator[tuple[Any, Path]]:
    """Begin to fetch from every node; yields tasks and where their results belong."""
    for rank in range(workers):
        node = read_node(folder, rank)
        if node and folder.copied_log(rank).is_file():
            task = on_node(leftover, node).remote(folder.copied_log(rank).read_text())
            yield task, folder.worker_log(rank)


def _append(log: Path, task: Any) -> None:
    try:
        rest = ray.get(task)
    except RayError as error:  # the node is gone, and its log with it
        logger.info("the last words in %s: %s", log, error)
        return
    with log.open("ab") as file:
        file.write(rest)
