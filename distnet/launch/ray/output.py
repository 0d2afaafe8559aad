"""Where a worker prints, and on which node it is: in the run folder as the worker reaches it."""

import os
import sys

from distnet.run_folder.paths import RunFolder
from distnet.run_folder.workers.node_ids import write_node


def begin_output(folder: RunFolder, rank: int, node: str, greeting: str) -> None:
    """Redirect what this process prints to its log, and note the id of its node.

    Args:
        folder: the run folder, or this worker's copy of it.
        rank: the worker's.
        node: the id of its Ray node.
        greeting: the first line of the log, to which the process id is added.
    """
    folder.logs.mkdir(exist_ok=True)
    # The descriptors, not Python's streams: NCCL, gloo and a dying interpreter write to them too.
    log = os.open(folder.worker_log(rank), os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
    for stream in (sys.stdout, sys.stderr):
        stream.flush()
    os.dup2(log, 1)
    os.dup2(log, 2)
    os.close(log)
    folder.heartbeats.mkdir(exist_ok=True)
    write_node(folder, rank, node)
    print(f"{greeting}, process {os.getpid()}", flush=True)  # noqa: T201
