"""Where the workers of a run may be on a shared Ray: so many on each node, no more."""

from collections.abc import Mapping

ANYWHERE: Mapping[str, int] = {}
"""No placement: every node will do. Placement are the most workers on each node, by its id."""


class Placement:
    """Where the workers may be. Other placement may be given while an attempt trains: for the next.

    Args:
        nodes: the most workers on each node, by Ray's id of it; empty is anywhere.
    """

    def __init__(self, nodes: Mapping[str, int]) -> None:
        self._nodes = dict(nodes)
        self.draining: tuple[str, ...] = ()
        """Nodes of the Ray, ours or not, that are about to be taken away: the server's to know."""

    @property
    def nodes(self) -> Mapping[str, int]:
        """The most workers on each node; empty is anywhere."""
        return self._nodes

    def give(self, nodes: Mapping[str, int]) -> None:
        """Give other placement, to the next attempt."""
        self._nodes = dict(nodes)


def fewer(nodes: Mapping[str, int], workers: int) -> dict[str, int]:
    """Take as many placement away as leaves `workers`: nodes with the fewest go first."""
    left: dict[str, int] = {}
    for node, most in sorted(nodes.items(), key=lambda item: (-item[1], item[0])):
        found = min(most, workers - sum(left.values()))
        if found > 0:
            left[node] = found
    return left
