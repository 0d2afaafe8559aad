"""Ray on a node."""

import json
import re
from pathlib import Path

from distnet.cluster.node.settings import TOKEN, NodeSettings
from distnet.errors import DistnetError
from distnet.launch.ray.node import NodeOptions, RayNode

LOOPBACK = "127.0.0.1"
OF_RAY = ".ray"
"""Ends the mark of Ray's own processes: to end them must not end the supervisor and the server."""
CACHE = "cache"
"""Copies of datasets, which go with the node."""
ERROR = re.compile(r"\w*(Error|Exception): ")
MOST_LETTERS = 300


class RayPart:
    """The Ray of a node.

    Args:
        settings: of the node.
        folder: of the cluster on this host.
    """

    name = "ray"

    def __init__(self, settings: NodeSettings, folder: Path) -> None:
        token = (folder / TOKEN).read_text().strip()
        self._node = RayNode(_options(settings, token or None, folder / CACHE))
        self._current = Path(settings.sockets) / "ray" / "ray_current_cluster"

    def start(self) -> None:
        """Start it, without waiting."""
        self._current.unlink(missing_ok=True)  # a Ray that was killed is "already running" by it
        self._node.start()

    @property
    def is_running(self) -> bool:
        """Whether it has not ended."""
        return self._node.is_running

    @property
    def is_up(self) -> bool:
        """Whether jobs can use it."""
        return self._node.is_up

    @property
    def pid(self) -> int | None:
        """Of its first process."""
        return self._node.process.pid if self._node.is_running else None

    def end_message(self) -> str:
        """Why it has ended."""
        try:
            self._node.wait(0)
        except DistnetError as error:
            first, *lines = str(error).splitlines()
            named = [line for line in lines if ERROR.match(line)] or lines[-1:]
            return " ".join([first, *named])[:MOST_LETTERS]
        return "Ray ended"

    def end(self) -> None:
        """End it at once, and all jobs on it."""
        self._node.end()


def _options(settings: NodeSettings, token: str | None, cache: Path) -> NodeOptions:
    is_head = settings.role == "head"
    return NodeOptions(
        host=settings.address,
        folder=Path(settings.sockets),
        num_cpus=settings.num_cpus,
        num_gpus=settings.num_gpus,
        head=None if is_head else settings.head,
        port=int(settings.head.rpartition(":")[2]) if is_head else None,
        dashboard=f"{LOOPBACK}:{settings.dashboard_port}" if is_head else None,
        token=token,
        arguments=_arguments(settings),
        mark=f"{settings.mark}{OF_RAY}",
        # Without it, nodes whose Pythons differ in the last number refuse one another.
        environment={
            "RAY_DEFAULT_PYTHON_VERSION_MATCH_LEVEL": "minor",
            "DISTNET_CACHE_DIR": str(cache),
        },
    )


def _arguments(settings: NodeSettings) -> tuple[str, ...]:
    words = [f"--{name}={value}" for name, value in settings.arguments.items()]
    words.append(f"--node-name={settings.host}")
    if settings.labels:
        pairs = ",".join(f"{name}={value}" for name, value in settings.labels.items())
        words.append(f"--labels={pairs}")
    if settings.resources:
        words.append(f"--resources={json.dumps(dict(settings.resources))}")
    return tuple(words)
