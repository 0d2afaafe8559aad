"""Real worker processes without Ray: what a launcher does, in twenty lines."""

import multiprocessing
import os
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from multiprocessing.context import ForkServerContext
from pathlib import Path
from typing import Any

import torch.distributed as dist

from distnet.train.exchange.worker_group import WorkerGroup

PRELOADED = [
    "distnet.train.worker",
    "distnet.run_folder.records.event_file",
    "torchvision.transforms.v2",
    "pytest",
    "hypothesis",
]
"""What workers and the modules of the tests import."""


def run_workers(
    function: Callable[..., Any], size: int, folder: Path, *args: Any, hosts: tuple[str, ...] = ()
) -> list[Any]:
    """Call `function(group, *args)` in `size` processes; returns what each returned."""
    store = folder / f"store-{os.urandom(4).hex()}"
    jobs = [
        (function, rank, size, str(store), hosts or ("here",) * size, args) for rank in range(size)
    ]
    with ProcessPoolExecutor(size, forkserver()) as pool:
        return [future.result() for future in [pool.submit(_work, *job) for job in jobs]]


def forkserver() -> ForkServerContext:
    """Makes processes in milliseconds: forked from one that has imported torch."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(PRELOADED)
    return context


def _work(
    function: Callable[..., Any],
    rank: int,
    size: int,
    store: str,
    hosts: tuple[str, ...],
    args: Any,
) -> Any:
    os.environ["GLOO_SOCKET_IFNAME"] = "lo"
    if size > 1:
        dist.init_process_group("gloo", init_method=f"file://{store}", rank=rank, world_size=size)
    try:
        return function(WorkerGroup(rank=rank, size=size, hosts=hosts), *args)
    finally:
        if size > 1:
            dist.destroy_process_group()
