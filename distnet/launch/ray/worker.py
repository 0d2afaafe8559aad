"""A worker of Ray Train: builds its WorkerGroup, trains, and says why it failed.

What a worker raises is shown to the user as it is, so its text is complete here: Ray carries the
exception to the launcher without its traceback.
"""

import errno
import os
import socket
import time
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Any

import ray.train
import torch.distributed as dist

from distnet.errors import DistnetError, StorageError, TrainingError, WorkerFailedError
from distnet.launch.ray.forwarded import own_index, refuse_mig
from distnet.launch.ray.relay.attachment import Attachment, attachment
from distnet.launch.ray.relay.reached import reached, with_dataset
from distnet.run_folder.assignment import Assignment
from distnet.spec.code.own_errors import describe, own_stack
from distnet.train.checkpoint.home import Home
from distnet.train.device.device import claim_gpu
from distnet.train.device.faults import Fault, classify, reason
from distnet.train.exchange.worker_group import WorkerGroup

Work = Callable[[Assignment, WorkerGroup, Home], dict[str, Any]]
"""What a worker does, given its attempt, the workers, and where the run is kept."""

NO_SPACE = (errno.ENOSPC, errno.EDQUOT)
PEER_WAIT_S = 10.0
"""A worker whose peer is gone waits this long, so that the peer's own error is reported first."""


def run_worker(work: Work, assignment: Assignment) -> dict[str, Any]:
    """Train as one worker; called by Ray Train in every worker process.

    Raises:
        DistnetError: training failed; the log of this worker has the traceback.
    """
    own = attachment()
    with reached(assignment, own) as (local, home):
        return _run(work, local, build_group(), home, own)


def _run(
    work: Work, assignment: Assignment, group: WorkerGroup, home: Home, own: Attachment
) -> dict[str, Any]:
    """Do the work, and turn whatever it raises into an error that the user can read."""
    try:
        with with_dataset(assignment, own, group.rank) as whole:
            return work(whole, group, home)
    except DistnetError:
        traceback.print_exc()
        raise
    except KeyboardInterrupt:
        raise
    except BaseException as error:
        traceback.print_exc()
        if isinstance(error, OSError) and error.errno in NO_SPACE:
            raise StorageError(f"worker {group.rank}: {error.strerror}: {error.filename}") from None
        log = assignment.folder.worker_log(group.rank)
        if classify(error) is Fault.COMMUNICATION:
            time.sleep(PEER_WAIT_S)
            raise WorkerFailedError(
                f"worker {group.rank} lost the other workers: {reason(error)}; see {log.parent}"
            ) from None
        raise TrainingError(
            f"worker {group.rank} failed: {describe(error)}; the full traceback is in {log}"
            f"{own_stack(error)}"
        ) from None


def build_group() -> WorkerGroup:
    """The worker group as this worker sees it: its rank, its device, and who shares its host."""
    context = ray.train.get_context()
    size = context.get_world_size()
    device = _device(size)  # before all else: NCCL communicates from the thread's current GPU
    return WorkerGroup(
        rank=context.get_world_rank(),
        size=size,
        local_rank=context.get_local_rank(),
        local_size=context.get_local_world_size(),
        hosts=_hosts(size) if size > 1 else (host_id(),),
        device=device,
    )


def _hosts(size: int) -> tuple[str, ...]:
    hosts: list[str] = [""] * size
    dist.all_gather_object(hosts, host_id())
    return tuple(hosts)


def _device(size: int) -> str:
    """The GPU that Ray assigned to this worker, made this thread's current one; else the CPU."""
    assigned = ray.get_runtime_context().get_accelerator_ids().get("GPU")
    if not assigned:
        return "cpu"
    refuse_mig(assigned, size)
    return claim_gpu(own_index(assigned, os.environ))


def host_id() -> str:
    """Name this machine or container, so that equal names see one another's /dev/shm.

    The kernel's boot id distinguishes machines, the namespaces and the memory file system the
    containers of one machine, and the host name machines that were cloned while they ran. Two
    names for one host cost speed; one name for two hosts would make workers hang.
    """
    facts = [socket.gethostname(), *(_link(f"/proc/self/ns/{kind}") for kind in ("mnt", "ipc"))]
    for read in (_boot, _memory):
        try:
            facts.append(read())
        except OSError:
            facts.append("?")
    return "/".join(facts)


def _link(path: str) -> str:
    try:
        return os.readlink(path)
    except OSError:
        return "?"


def _boot() -> str:
    return Path("/proc/sys/kernel/random/boot_id").read_text().strip()


def _memory() -> str:
    shared = os.stat("/dev/shm")
    return f"{shared.st_dev}:{shared.st_ino}"
