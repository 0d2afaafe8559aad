"""What admins order about nodes, as the HTTP API calls it."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from distnet.protocol.cluster import DrainRequest, NodesResponse, ResumeRequest
from distnet.protocol.reservations import ReservationRequest, ReservationResponse
from distnet.scheduler.view import Node
from distnet.server.ledger.records import User
from distnet.server.nodes.drain import drain, resume
from distnet.server.nodes.reserve import cancel, listed, reserve
from distnet.server.state.mirror import Mirror
from distnet.server.views.cluster import node_responses
from distnet.server.views.reservations import reservation_response


@dataclass(frozen=True)
class NodeOperations:
    """Each locks the mirror, and wakes the loop of the server."""

    mirror: Mirror
    clock: Callable[[], float]
    wake: Callable[[], None]

    def drain(self, user: User, request: DrainRequest) -> NodesResponse:
        """Start nothing new on some nodes."""
        response = self.mirror.change(
            lambda: self._response(drain(self.mirror, user, request, self.clock()))
        )
        self.wake()
        return response

    def resume(self, user: User, request: ResumeRequest) -> NodesResponse:
        """Use drained nodes again."""
        response = self.mirror.change(
            lambda: self._response(resume(self.mirror, user, request.nodes, self.clock()))
        )
        self.wake()
        return response

    def reserve(self, user: User, request: ReservationRequest) -> ReservationResponse:
        """Reserve nodes for users and teams."""
        now = self.clock()
        record = self.mirror.change(lambda: reserve(self.mirror, user, request, now))
        self.wake()
        return reservation_response(record, now)

    def reservations(self) -> list[ReservationResponse]:
        """The reservations that have not ended, the next one first."""
        now = self.clock()
        with self.mirror.locked():
            return [reservation_response(record, now) for record in listed(self.mirror, now)]

    def cancel_reservation(self, user: User, name: str) -> None:
        """Cancel a reservation."""
        self.mirror.change(lambda: cancel(self.mirror, user, name, self.clock()))
        self.wake()

    def _response(self, wanted: Sequence[Node]) -> NodesResponse:
        ids = {node.id for node in wanted}
        now = self.clock()
        nodes = [node for node in self.mirror.nodes(now) if node.id in ids]
        return NodesResponse(nodes=node_responses(self.mirror, nodes, now))
