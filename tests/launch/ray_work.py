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
from distnet.launch.sizing import Size, choose_workers
from distnet.run_folder.assignment import Assignment
from distnet.run_folder.stop import planned_stop
from distnet.train.exchange.worker_group import WorkerGroup

LONG_S = 300.0


def train_on_ray(
    assignment: Assignment,
    *,
    workers: int,
    cpus: int,
    gpus: int,
    function: Work,
    address: str | None = None,
) -> dict[str, Any]:
    """One attempt on a Ray of its own, or on that at `address`."""
    options: dict[str, Any] = {"most": workers, "cpus": cpus, "gpus": gpus, "address": address}
    with (
        planned_stop(assignment.folder),
        closing(RayLauncher(**options, function=function)) as launcher,
    ):
        nothing: dict[str, Any] = {"wait_s": 1.0, "tell": print, "is_stopped": bool}
        size = Size(workers, workers)
        found = choose_workers(launcher, size, is_first=True, **nothing)
        return launcher.train(assignment, found, lambda: None)


def tell(assignment: Assignment, world: WorkerGroup) -> dict[str, Any]:
    """What rank 0 knows of all workers, and a sum over them."""
    total = torch.tensor([float(world.rank + 1)])
    interface = os.environ.get("GLOO_SOCKET_IFNAME")
    told: list[Any] = [(asdict(world), interface)] * world.size
    if world.size > 1:
        dist.all_reduce(total)
        dist.all_gather_object(told, (asdict(world), interface))
    sys.stdout.write(f"rank {world.rank} speaks\n")
    os.system("echo and its child")  # not through Python's stdout
    torch.set_num_threads(2)
    return {
        "worlds": [each for each, _ in told],
        "interfaces": [each for _, each in told],
        "total": total.item(),
        "threads": torch.get_num_threads(),
    }


def raise_own_error(assignment: Assignment, world: WorkerGroup) -> dict[str, Any]:
    """A mistake in the user's code, on one worker while the other waits for it."""
    if world.rank == 1:
        raise ValueError("the shapes\ndo not fit")
    return wait_for_all(world)


def raise_known_error(assignment: Assignment, world: WorkerGroup) -> dict[str, Any]:
    """What distnet tells on purpose, on one worker while the other waits for it."""
    if world.rank == 1:
        raise DataError("train-00000.parquet: damaged")
    return wait_for_all(world)


def be_killed(assignment: Assignment, world: WorkerGroup) -> dict[str, Any]:
    """End without a word but the last one."""
    if world.rank == 1:
        os.system("echo my last words")
        os.kill(os.getpid(), signal.SIGKILL)
    return wait_for_all(world)


def lose_peer(assignment: Assignment, world: WorkerGroup) -> dict[str, Any]:
    """Leave the process group, of which the other fails at once, and fail somewhat later."""
    if world.rank == 1:
        dist.destroy_process_group()
        (assignment.folder.path / "left").touch()
        time.sleep(2)
        raise ValueError("the first cause")
    return wait_for_all(world)


def exit_early(assignment: Assignment, world: WorkerGroup) -> dict[str, Any]:
    """Leave as a careless library does."""
    sys.exit("enough")


def train_until_stopped(assignment: Assignment, world: WorkerGroup) -> dict[str, Any]:
    """Step until the stop file is there, as training does."""
    should_stop = torch.zeros(1)
    steps = 0
    while not should_stop:
        if world.rank == 0:
            (assignment.folder.path / "steps").write_text(str(steps))
            should_stop[0] = assignment.folder.stop.exists()
        dist.all_reduce(should_stop)
        steps += 1
        time.sleep(0.01)
    return {"status": "stopped", "steps": steps}


def train_for_ever(assignment: Assignment, world: WorkerGroup) -> dict[str, Any]:
    """Step, and look at no stop file."""
    (assignment.folder.path / "steps").write_text("0")
    return wait_for_all(world)


def wait_for_all(world: WorkerGroup) -> dict[str, Any]:
    """Wait in a collective for a worker that does not come."""
    if world.rank == 0:
        dist.all_reduce(torch.zeros(1))
    else:
        time.sleep(LONG_S)
    return {}
