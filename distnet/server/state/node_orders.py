"""What admins have ordered about nodes, in memory: drained nodes, and reservations."""

from collections.abc import Iterable
from dataclasses import replace

from sqlalchemy import Connection

from distnet.scheduler.view import Node
from distnet.server.ledger import nodes
from distnet.server.ledger.records import DrainRecord, ReservationRecord
from distnet.server.state.change import Change


class NodeOrders:
    """Equal to the ledger; a drained node is found by its name, or by its id."""

    def __init__(
        self,
        drains: Iterable[DrainRecord] = (),
        reservations: Iterable[ReservationRecord] = (),
    ) -> None:
        self._records = {record.node: record for record in drains}
        self.reservations = {record.name: record for record in reservations}
        """Also those that have ended lately."""

    @classmethod
    def read(cls, tx: Connection) -> "NodeOrders":
        """Read all of them from the ledger."""
        return cls(nodes.read_drains(tx), nodes.read_reservations(tx))

    def __contains__(self, node: str) -> bool:
        return node in self._records

    def __getitem__(self, node: str) -> DrainRecord:
        return self._records[node]

    def all(self) -> list[DrainRecord]:
        """All of them, by the name of the node."""
        return [self._records[node] for node in sorted(self._records)]

    def of(self, node: Node) -> DrainRecord | None:
        """Who has drained a node; None if no admin has."""
        return self._records.get(node.name) or self._records.get(node.id)

    def marked(self, node: Node) -> Node:
        """The node, with the reason if it is drained."""
        record = self.of(node)
        return node if record is None else replace(node, is_draining=True, drained=record.reason)

    @staticmethod
    def write(tx: Connection, change: Change) -> None:
        """Write what a change says of them."""
        for name in change.removed_reservations:
            nodes.delete_reservation(tx, name)
        nodes.save_reservations(tx, change.reservations.values())
        nodes.save_drains(tx, change.drains.values())
        for node in change.removed_drains:
            nodes.delete_drain(tx, node)

    def apply(self, change: Change) -> None:
        """Apply the same here."""
        self._records.update(change.drains)
        for node in change.removed_drains:
            self._records.pop(node, None)
        for name in change.removed_reservations:
            self.reservations.pop(name, None)
        self.reservations.update(change.reservations)
