"""Examine the nodes of a running Ray: `python -m distnet.cluster.doctor.on_ray JSON`.

It runs on a machine of that Ray, here or over ssh, and prints messages as the scripts of hosts do.
Ray itself may hang; then whoever has started this ends it.
"""

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

import ray
from ray.exceptions import GetTimeoutError, RayError

from distnet.cluster.doctor.facts import Examination, Exchange, Pair, Storage
from distnet.cluster.doctor.gather import Wanted, gather
from distnet.cluster.doctor.ray_nodes import RayNode, RayReach, nodes_of_ray, why
from distnet.cluster.hosts.on_host.messages import Failure, Given, reply, send
from distnet.errors import DistnetError
from distnet.launch.ray.cluster import ray_cluster
from distnet.launch.ray.exchange_probe import ExchangeProbe

JOIN_S, EXCHANGE_S = 60.0, 120.0
SUM_S = 0.5
LEAST_BYTES, MOST_BYTES = 64 << 10, 16 << 20
REMEDY = "see: ray status; its token is in RAY_AUTH_TOKEN_PATH, with RAY_AUTH_MODE=token"


def examine_ray(given: Given) -> dict[str, Any]:
    """Find all facts, or only the speed of an exchange between all nodes.

    Args:
        given: `address` of Ray; `examine`, the arguments of that script, None for the exchange
            alone; `names` of nodes by address, where they have others than Ray's; `storage`.
    """
    try:
        with ray_cluster(given["address"], workers=1, cpus=1, gpus=0):
            nodes = nodes_of_ray()
            known = Examination(())
            if given["examine"] is not None:
                known = _gathered(nodes, given)
            exchanges = [] if _is_broken(known) else exchanges_of(nodes, given["names"])
            return asdict(known) | {"exchanges": [asdict(each) for each in exchanges]}
    except DistnetError as error:
        raise Failure("ray", str(error), REMEDY) from None


def exchanges_of(nodes: Sequence[RayNode], names: dict[str, str]) -> list[Exchange]:
    """Exchange rows between all nodes: with gloo, and with NCCL where all have GPUs."""
    if len(nodes) < 2:
        return []
    made = [exchange(nodes, names, has_gpu=False)]
    if all(node.num_gpus for node in nodes):
        made.append(exchange(nodes, names, has_gpu=True))
    return made


def exchange(nodes: Sequence[RayNode], names: dict[str, str], *, has_gpu: bool) -> Exchange:
    """Exchange rows between all nodes, as training does."""
    backend = "NCCL" if has_gpu else "gloo"
    called = tuple(names.get(node.address, node.name) for node in nodes)
    for name in called:
        progress(name, f"{backend} exchange")
    probes = [
        node.start(ExchangeProbe, node.address, has_gpu=has_gpu, num_gpus=int(has_gpu))
        for node in nodes
    ]
    try:
        return _exchanged(backend, called, probes)
    except (RayError, GetTimeoutError) as error:
        return Exchange(backend, called, error=why(error))
    finally:
        for probe in probes:
            ray.kill(probe)


def progress(node: str, step: str) -> None:
    """Send the step that a node is at."""
    send(progress=f"{node}\t{step}")


def _gathered(nodes: Sequence[RayNode], given: Given) -> Examination:
    reach = RayReach(nodes, progress)
    try:
        wanted = {node.name: {**given["examine"], "address": node.address} for node in nodes}
        storage = Storage(given["storage"], is_required=False) if len(nodes) > 1 else None
        return gather(reach, Wanted(wanted, {}, storage=storage))
    finally:
        reach.close()


def _exchanged(backend: str, names: tuple[str, ...], probes: Sequence[Any]) -> Exchange:
    store = ray.get(probes[0].listen.remote(), timeout=JOIN_S)
    size = len(probes)
    joins = [probe.join.remote(store, rank, size) for rank, probe in enumerate(probes)]
    ray.get(joins, timeout=JOIN_S)
    measured = ray.get([probe.links.remote() for probe in probes], timeout=EXCHANGE_S)
    pairs = tuple(
        Pair((names[rank], names[link["rank"]]), link["round_trip_s"], link["bytes_per_s"])
        for rank, links in enumerate(measured)
        for link in links
        if rank < link["rank"]
    )
    slowest = min(pair.bytes_per_s for pair in pairs)
    num_bytes = int(min(MOST_BYTES, max(LEAST_BYTES, slowest * SUM_S)))
    times = ray.get([probe.sum.remote(num_bytes) for probe in probes], timeout=EXCHANGE_S)
    return Exchange(backend, names, pairs, num_bytes, max(times))


def _is_broken(known: Examination) -> bool:
    """Whether an exchange would hang."""
    return bool(known.failed) or any(link.error or link.is_large_lost for link in known.links)


if __name__ == "__main__":
    reply(examine_ray)
