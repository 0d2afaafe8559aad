"""The relay: one actor on the launcher's node, which dies with the attempt that has started it.

Each part has threads of its own, so that a slow disk under a checkpoint delays no heartbeat.
"""

from typing import Any

import ray
from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

from distnet.errors import RunError
from distnet.launch.ray.relay.checkpoints import Checkpoints
from distnet.launch.ray.relay.folders import Folders
from distnet.launch.ray.relay.records import Records
from distnet.launch.ray.relay.shards import Shards
from distnet.run_folder.mark import has_mark

THREADS = {"records": 1, "checkpoints": 1, "shards": 4}
"""Of each part; writes come in their order."""


class Relay:
    """Serves the workers that do not see the folders of their attempt.

    Args:
        folders: the attempt and its folders.
    """

    def __init__(self, folders: Folders) -> None:
        self._folders = folders
        self._records, self._shards = Records(folders), Shards(folders)
        self._checkpoints = Checkpoints(folders)

    def check(self) -> None:
        """Check that this node sees the run folder.

        Raises:
            RunError: it does not.
        """
        if not has_mark(self._folders.run_folder, self._folders.mark):
            raise RunError(
                f"{self._folders.run}: the Ray node on the launcher's machine does not see this "
                "folder, as one in another container; choose a folder for --runs that it sees"
            )

    @ray.method(concurrency_group="records")  # type: ignore[untyped-decorator]
    def records(self, method: str, *arguments: Any) -> Any:
        """Call a method of `Records`."""
        return getattr(self._records, method)(*arguments)

    @ray.method(concurrency_group="checkpoints")  # type: ignore[untyped-decorator]
    def checkpoints(self, method: str, *arguments: Any) -> Any:
        """Call a method of `Checkpoints`."""
        return getattr(self._checkpoints, method)(*arguments)

    @ray.method(concurrency_group="shards")  # type: ignore[untyped-decorator]
    def shards(self, method: str, *arguments: Any) -> Any:
        """Call a method of `Shards`."""
        return getattr(self._shards, method)(*arguments)


def start_relay(folders: Folders) -> Any:
    """Start the relay on the node of this process; returns its handle, with which it lives.

    Ray Train's controller calls this. It runs on the node of the launcher, and ends with the
    attempt.

    Raises:
        RunError: that node does not see the run folder either.
    """
    here = NodeAffinitySchedulingStrategy(ray.get_runtime_context().get_node_id(), soft=False)
    actor = ray.remote(num_cpus=0, max_restarts=0, concurrency_groups=THREADS)(Relay)
    relay = actor.options(scheduling_strategy=here).remote(folders)
    ray.get(relay.check.remote())  # its start may take longer than a call may
    return relay
