"""Nodes with which nothing is wrong, and what one may change of them."""

from dataclasses import replace
from typing import Any

from distnet.cluster.doctor.facts import (
    Examination,
    Folder,
    Interface,
    Link,
    Node,
    RunningRay,
    Secret,
)
from distnet.cluster.doctor.finding import CLUSTER, Finding, Level
from distnet.cluster.doctor.judge import judge

GB = 1_000_000_000
VERSIONS = {
    **{"distnet": "0.1.0", "torch": "2.14.1+cu128", "torchvision": "0.29.1", "ray": "2.60.0"},
    **{"pyarrow": "26.0.0", "numpy": "2.4.0"},
}


def make_node(name: str = "gpu1", last: int = 1, **changes: Any) -> Node:
    """A node of a cluster that is up."""
    address = f"10.0.0.{last}"
    node = Node(
        name=name,
        address=address,
        host_name=name,
        host_addresses=(address,),
        has_loopback=True,
        interfaces=(Interface("lo", "127.0.0.1", 65536), Interface("eth0", address, 1500)),
        taken_ports=(),
        system="Linux",
        machine="x86_64",
        cpu="AuthenticAMD",
        instruction_set="AVX2",
        num_cpus=8,
        cpu_quota=None,
        memory_bytes=64 * GB,
        memory_free_bytes=60 * GB,
        shared_memory_bytes=32 * GB,
        shared_memory_free_bytes=32 * GB,
        open_files=(1024, 1_048_576),
        folders=(Folder("cluster", "/data", 1000 * GB, 500 * GB, 1_000_000, is_writable=True),),
        is_clock_synchronised=True,
        time=1_800_000_000.0,
        python="3.11.9",
        versions=VERSIONS,
        torch_wanted="2.14.1",
        torch_cuda="12.8",
        distnet_source="abc",
        gpus=(),
        driver=None,
        driver_cuda=None,
        rays=(RunningRay(7, "2.60.0", "token", "10.0.0.1:6379", address, "mark"),),
        secrets=(Secret("ray", "/data/token", 0o600, is_own=True, digest="d1"),),
        environment={},
        store=None,
        is_node=True,
    )
    return replace(node, **changes)


def make_links(*nodes: Node, **changes: Any) -> tuple[Link, ...]:
    """Links between all nodes that work, but for `changes` to that from the first to the second."""
    links = [
        Link(a.name, b.name, None, False, 0.0002, 0.0, 0.0001)
        for a in nodes
        for b in nodes
        if a is not b
    ]
    return (replace(links[0], **changes), *links[1:])


def wrong(*nodes: Node, **more: Any) -> list[Finding]:
    """What is found besides what is ok."""
    return [each for each in judge(Examination(nodes, **more)) if each.level > Level.OK]


def only(findings: list[Finding]) -> Finding:
    """The one finding there is."""
    assert len(findings) == 1, findings
    return findings[0]


__all__ = ["CLUSTER", "GB", "VERSIONS", "Level", "make_links", "make_node", "only", "wrong"]
