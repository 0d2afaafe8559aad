"""What the scheduler has granted each attempt: the most workers that it may have on each node.

An attempt that has lost a worker reports fewer, and may have them again, on the same nodes. What it
reports beyond that would take the place of other jobs in the scheduler's view.
"""

from collections.abc import Mapping

from distnet.server.ledger.records import AttemptRecord

Placement = Mapping[str, int]


class Grants:
    """Kept in memory: after a restart an attempt has what the ledger says of it."""

    def __init__(self) -> None:
        self._granted: dict[str, Placement] = {}

    def put(self, attempt: AttemptRecord) -> None:
        """Take over what an attempt has, and what it is being resized to."""
        if attempt.ended_at is not None:
            self._granted.pop(attempt.submission, None)
            return
        before = self._granted.get(attempt.submission, {})
        self._granted[attempt.submission] = _most(before, attempt.placement, attempt.target or {})

    def end_resize(self, attempt: AttemptRecord) -> None:
        """An attempt has been resized: it gave back what it does not have now."""
        self._granted[attempt.submission] = attempt.placement

    def admit(self, attempt: AttemptRecord, placement: Placement) -> bool:
        """Whether an attempt can have these workers: some on each node, no more than granted."""
        granted = self._granted.get(attempt.submission, {})
        return bool(placement) and all(
            0 < count <= granted.get(node, 0) for node, count in placement.items()
        )

    def clear(self) -> None:
        """Forget everything."""
        self._granted.clear()


def _most(*placements: Placement) -> dict[str, int]:
    nodes = {node for placement in placements for node in placement}
    return {node: max(placement.get(node, 0) for placement in placements) for node in nodes}
