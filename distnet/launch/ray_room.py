"""Whether there is room for the workers: asked first, because Ray would wait for it for ever."""

from collections.abc import Mapping

import ray

from distnet.errors import NotEnoughResourcesError


def require_gpus(wanted: int) -> None:
    """Make sure that this machine has so many GPUs.

    Raises:
        NotEnoughResourcesError: it has fewer.
    """
    if not wanted:
        return
    import torch

    found = torch.cuda.device_count()
    if found < wanted:
        raise NotEnoughResourcesError(
            f"{wanted} GPUs asked for, {found or 'none'} found on this machine: "
            "set resources.gpus to 0, ask for fewer workers, or name a cluster with --address"
        )


def require_room(address: str, *, workers: int, cpus: int, gpus: int) -> None:
    """Make sure that the Ray at `address`, if nobody else used it, could hold the workers.

    Args:
        address: for the message.
        workers: how many.
        cpus: cores a worker.
        gpus: GPUs a worker.

    Raises:
        NotEnoughResourcesError: it could not; the message says what each node has.
    """
    nodes = [node for node in ray.nodes() if node["Alive"]]
    room = sum(_num_workers(node["Resources"], cpus, gpus) for node in nodes)
    if room >= workers:
        return
    found = "; ".join(
        f"{node['NodeManagerAddress']}: {node['Resources'].get('CPU', 0):g} CPUs, "
        f"{node['Resources'].get('GPU', 0):g} GPUs"
        for node in nodes
    )
    raise NotEnoughResourcesError(
        f"the Ray at {address} has room for {room} of {workers} workers with {cpus} CPUs and "
        f"{gpus} GPUs each (it has {found}): set resources.workers to {max(room, 1)}, "
        "give each worker less, or add nodes"
    )


def _num_workers(has: Mapping[str, float], cpus: int, gpus: int) -> int:
    """How many workers fit on a node."""
    by_cpu = has.get("CPU", 0) // cpus
    return int(min(by_cpu, has.get("GPU", 0) // gpus) if gpus else by_cpu)
