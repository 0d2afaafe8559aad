"""Where the folders of an attempt are, and which of them a worker sees.

Ray Train's controller imports this file, so it stands on next to nothing.
"""

from dataclasses import dataclass
from pathlib import Path

from distnet.data.cache.cache import own_cache
from distnet.data.cache.presence import Presence
from distnet.run_folder.mark import has_mark
from distnet.run_folder.paths import RunFolder


@dataclass(frozen=True)
class Folders:
    """The folders of an attempt, as the launcher's machine sees them."""

    run: str
    """The run's folder."""
    attempt: int
    mark: str
    """What the launcher has written there."""
    dataset: Presence | None = None
    """None where the task makes its own samples."""

    @property
    def run_folder(self) -> RunFolder:
        """The run's folder."""
        return RunFolder(Path(self.run))


@dataclass(frozen=True)
class Reach:
    """What a worker sees of the folders of its attempt."""

    node: str
    """The id of its Ray node."""
    run: bool
    """Whether it sees the run folder."""
    dataset: str | None
    """Where it sees the dataset; empty if it does not, None if there is none."""
    is_cached: bool = False
    """Whether its node has a copy of a dataset that it does not see."""

    @property
    def is_whole(self) -> bool:
        """Whether it sees all that it needs."""
        return self.run and self.dataset != ""


def copying(dataset: Presence, num_nodes: int) -> str:
    """Say that a dataset is being copied to nodes that do not see it."""
    nodes = "1 node" if num_nodes == 1 else f"{num_nodes} nodes"
    return f"copying dataset {dataset.name} ({dataset.num_bytes / 1e6:.1f} MB) to {nodes}"


def reach_of(folders: Folders, node: str) -> Reach:
    """Find out what this process, which runs on `node`, sees."""
    has_run, dataset = has_mark(folders.run_folder, folders.mark), folders.dataset
    if dataset is None:
        return Reach(node, has_run, None)
    found = dataset.find()
    return Reach(node, has_run, found, not found and dataset.is_cached(own_cache()))
