"""Which Ray node each worker is on, as text files beside the heartbeats."""

from distnet.run_folder.paths import RunFolder
from distnet.run_folder.write import write_whole


def write_node(folder: RunFolder, rank: int, node: str) -> None:
    """Write the id of a worker's node: whole, as others may read it at any time.

    Raises:
        RunError: it cannot be written.
    """
    write_whole(folder.node(rank), node.encode())


def read_node(folder: RunFolder, rank: int) -> str:
    """The id of a worker's node; empty if it is unknown."""
    try:
        return folder.node(rank).read_text()
    except OSError:
        return ""
