"""What the workers do in the tests of launching on Ray."""

import os
import signal
import sys
import time
from contextlib import closing
from dataclasses import asdict
from typing import Any

import torch
import torch.distributed as dist

from distnet.errors import DataError
from distnet.launch.ray.launcher import RayLauncher
from distnet.launch.ray.worker import Work
from distnet.launch.sizing import WorkerRange, choose_workers
from distnet.run_folder.assignment import Assignment
from distnet.run_folder.requests import planned_stop
from distnet.train.checkpoint.home import Home
from distnet.train.exchange.worker_group import WorkerGroup

LONG_S = 300.0


def describe_groups(assignment: Assignment, group: WorkerGroup, home: Home) -> dict[str, Any]:
    """What rank 0 knows about all workers, and a sum over them."""
    total = torch.tensor([float(group.rank + 1)])
    interface = os.environ.get("GLOO_SOCKET_IFNAME")
    described: list[Any] = [(asdict(group), interface)] * group.size
    if group.size > 1:
        dist.all_reduce(total)
        dist.all_gather_object(described, (asdict(group), interface))
    sys.stdout.write(f"rank {group.rank} prints\n")
    os.system("echo and its child")  # not through Python's stdout
    torch.set_num_threads(2)
    return {
        "groups": [each for each, _ in described],
        "interfaces": [each for _, each in described],
        "total": total.item(),
        "threads": torch.get_num_threads(),
    }


def train_on_ray(
    assignment: Assignment,
    *,
    workers: int,
    cpus: int = 1,
    gpus: int = 0,
    function: Work = describe_groups,
    address: str | None = None,
) -> dict[str, Any]:
    """One attempt on a Ray of its own, or on that at `address`."""
    options: dict[str, Any] = {"most": workers, "cpus": cpus, "gpus": gpus, "address": address}
    with (
        planned_stop(assignment.folder),
        closing(RayLauncher(**options, function=function)) as launcher,
    ):
        nothing: dict[str, Any] = {"wait_s": 1.0, "emit": print, "is_stopped": bool}
        limits = WorkerRange(workers, workers)
        found = choose_workers(launcher, limits, is_first=True, **nothing)
        return launcher.train(assignment, found, lambda: None)


def raise_own_error(assignment: Assignment, group: WorkerGroup, home: Home) -> dict[str, Any]:
    """A mistake in the user's code, on one worker while the other waits for it."""
    if group.rank == 1:
        raise ValueError("the shapes\ndo not fit")
    return wait_for_all(group)


def raise_known_error(assignment: Assignment, group: WorkerGroup, home: Home) -> dict[str, Any]:
    """What distnet raises on purpose, on one worker while the other waits for it."""
    if group.rank == 1:
        raise DataError("train-00000.parquet: damaged")
    return wait_for_all(group)


def be_killed(assignment: Assignment, group: WorkerGroup, home: Home) -> dict[str, Any]:
    """End without a word but the last one."""
    if group.rank == 1:
        os.system("echo my last words")
        os.kill(os.getpid(), signal.SIGKILL)
    return wait_for_all(group)


def lose_peer(assignment: Assignment, group: WorkerGroup, home: Home) -> dict[str, Any]:
    """Leave the process group, of which the other fails at once, and fail somewhat later."""
    if group.rank == 1:
        dist.destroy_process_group()
        (assignment.folder.path / "left").touch()
        time.sleep(2)
        raise ValueError("the first cause")
    return wait_for_all(group)


def exit_early(assignment: Assignment, group: WorkerGroup, home: Home) -> dict[str, Any]:
    """Leave as a careless library does."""
    sys.exit("enough")


def train_until_stopped(assignment: Assignment, group: WorkerGroup, home: Home) -> dict[str, Any]:
    """Step until the stop file is there, as training does."""
    should_stop = torch.zeros(1)
    steps = 0
    while not should_stop:
        if group.rank == 0:
            (assignment.folder.path / "steps").write_text(str(steps))
            should_stop[0] = assignment.folder.stop.exists()
        dist.all_reduce(should_stop)
        steps += 1
        time.sleep(0.01)
    return {"status": "stopped", "steps": steps}


def train_forever(assignment: Assignment, group: WorkerGroup, home: Home) -> dict[str, Any]:
    """Step, and ignore the stop file."""
    (assignment.folder.path / "steps").write_text("0")
    return wait_for_all(group)


def wait_for_all(group: WorkerGroup) -> dict[str, Any]:
    """Wait in a collective for a worker that does not come."""
    if group.rank == 0:
        dist.all_reduce(torch.zeros(1))
    else:
        time.sleep(LONG_S)
    return {}
