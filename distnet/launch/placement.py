"""Where the workers of a run may be on a shared Ray: at most a given number on each node."""

from collections.abc import Mapping

ANYWHERE: Mapping[str, int] = {}
"""No placement: every node will do."""


class Placement:
    """Where the workers may be. A placement given while an attempt trains holds for the next one.

    Args:
        nodes: the maximum of workers on each node, by Ray's node id; empty is anywhere.
    """

    def __init__(self, nodes: Mapping[str, int]) -> None:
        self._nodes = dict(nodes)
        self.draining: tuple[str, ...] = ()
        """All nodes of the Ray that are being drained, for the server."""

    @property
    def nodes(self) -> Mapping[str, int]:
        """The maximum of workers on each node; empty is anywhere."""
        return self._nodes

    def give(self, nodes: Mapping[str, int]) -> None:
        """Replace the placement, for the next attempt."""
        self._nodes = dict(nodes)


def fewer(nodes: Mapping[str, int], workers: int) -> dict[str, int]:
    """Shrink a placement to `workers`: nodes with the fewest workers go first."""
    left: dict[str, int] = {}
    for node, most in sorted(nodes.items(), key=lambda item: (-item[1], item[0])):
        found = min(most, workers - sum(left.values()))
        if found > 0:
            left[node] = found
    return left
