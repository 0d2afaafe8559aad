"""The nodes of a running Ray, as a way to reach them: one process of distnet on each."""

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import ray
from ray.exceptions import GetTimeoutError, RayError
from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

from distnet.cluster.doctor.facts import Failed
from distnet.cluster.doctor.gather import Given, Replies
from distnet.cluster.doctor.node_probe import NodeProbe

REPLY_S = 60.0
HEAD = "node:__internal_head__"
REMEDY = "install the same distnet on this node: distnet cluster up FILE, or the same image"
Progress = Callable[[str, str], object]
"""Called with a node, and the step that it is at."""


@dataclass(frozen=True)
class RayNode:
    """A node as Ray has it."""

    id: str
    name: str
    address: str
    num_gpus: int

    def start(self, kind: type, *arguments: Any, num_gpus: int = 0, **options: Any) -> Any:
        """Start a process of distnet on this node; returns its handle."""
        pinned = NodeAffinitySchedulingStrategy(self.id, soft=False)
        settings = {"num_cpus": 0, "num_gpus": num_gpus, "scheduling_strategy": pinned}
        return ray.remote(kind).options(**settings).remote(*arguments, **options)


def nodes_of_ray() -> list[RayNode]:
    """The nodes that are alive, the head first; those with one host name have their address."""
    alive = [node for node in ray.nodes() if node["Alive"]]
    alive.sort(key=lambda node: (HEAD not in node["Resources"], node["NodeManagerAddress"]))
    names = Counter(node["NodeManagerHostname"] for node in alive)
    return [
        RayNode(
            id=node["NodeID"],
            name=str(
                node["NodeManagerHostname"]
                if names[node["NodeManagerHostname"]] == 1
                else node["NodeManagerAddress"]
            ),
            address=node["NodeManagerAddress"],
            num_gpus=int(node["Resources"].get("GPU", 0)),
        )
        for node in alive
    ]


class RayReach:
    """Reaches nodes through Ray.

    Args:
        nodes: those of Ray.
        on_progress: shows it.
    """

    def __init__(self, nodes: Sequence[RayNode], on_progress: Progress) -> None:
        self._probes = {node.name: node.start(NodeProbe) for node in nodes}
        self._on_progress = on_progress

    def each(self, script: str, given: Mapping[str, Given]) -> Replies:
        """Run a script on nodes side by side."""
        for name in given:
            self._on_progress(name, script.replace("_", " "))
        calls = {
            name: self._probes[name].run.remote(script, dict(words))
            for name, words in given.items()
        }
        return _replies(calls, script)

    @contextmanager
    def listening(self, addresses: Mapping[str, str], secret: str) -> Iterator[Mapping[str, int]]:
        """Have nodes listen for links, until their processes end."""
        calls = {
            name: self._probes[name].listen.remote(address, secret)
            for name, address in addresses.items()
        }
        yield _replies(calls, "links").results

    def close(self) -> None:
        """End the processes."""
        for probe in self._probes.values():
            ray.kill(probe)


def why(error: BaseException) -> str:
    """Say in one line what Ray has to say in many."""
    if isinstance(error, GetTimeoutError):
        return "nothing came of it in time"
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return (lines or [type(error).__name__])[-1]


def _replies(calls: Mapping[str, Any], step: str) -> Replies:
    replies = Replies({}, {})
    for name, call in calls.items():
        try:
            replies.results[name] = ray.get(call, timeout=REPLY_S)
        except (RayError, GetTimeoutError) as error:
            replies.failed[name] = Failed(name, step, why(error), REMEDY)
    return replies
