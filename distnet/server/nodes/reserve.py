"""Reserve nodes for users and teams, and cancel reservations.

The nodes are fixed when a reservation is made, as in Slurm: everybody can see which they are. What
the reservation means for jobs is decided by the scheduler (`scheduler/eligible/reserved.py`).
"""

from collections import Counter
from collections.abc import Sequence

from distnet.protocol.errors import ConflictError, InvalidError, no_such
from distnet.protocol.reservations import ReservationRequest
from distnet.scheduler.format import format_names
from distnet.scheduler.view import Node, ReservedNodes
from distnet.server.ledger.records import ReservationRecord, User
from distnet.server.nodes.find import find_nodes, lasting_name
from distnet.server.state.change import Change
from distnet.server.state.mirror import Mirror
from distnet.spec.plural import counted


def reserve(
    mirror: Mirror, user: User, request: ReservationRequest, now: float
) -> ReservationRecord:
    """Reserve nodes; reservations that have ended are forgotten.

    Args:
        mirror: locked by the caller.
        user: an admin.
        request: what to reserve.
        now: Unix time.

    Raises:
        InvalidError: `bad_window`, `nobody`, `too_few_nodes`, or the nodes are not said once.
        ConflictError: `name_taken`, or `overlap`: a node is reserved for a part of the window.
        NotFoundError: a node does not exist.
    """
    _require_valid(request, now)
    known = listed(mirror, now)
    if any(record.name == request.name for record in known):
        raise ConflictError(
            f"reservation {request.name} exists; cancel it, or give another name",
            code="name_taken",
        )
    others = [r for r in known if r.starts_at < request.ends_at and request.starts_at < r.ends_at]
    nodes = _named(mirror, request, others) if request.nodes else _chosen(mirror, request, others)
    names = tuple(sorted({lasting_name(mirror, node) for node in nodes}))
    record = ReservationRecord(
        name=request.name,
        starts_at=request.starts_at,
        ends_at=request.ends_at,
        nodes=names,
        users=tuple(sorted(set(request.users))),
        teams=tuple(sorted(set(request.teams))),
        actor=user.name,
        made_at=now,
    )
    change = Change(now)
    change.removed_reservations += mirror.orders.reservations.keys() - {old.name for old in known}
    change.reservations[record.name] = record
    whom = format_names((*record.users, *(f"team {team}" for team in record.teams)))
    change.event("reserved", user.name, f"{record.name}: {format_names(names)} for {whom}")
    mirror.commit(change)
    return record


def cancel(mirror: Mirror, user: User, name: str, now: float) -> None:
    """Cancel a reservation: its nodes are free for all, and jobs in it continue.

    Raises:
        NotFoundError: there is none with this name.
    """
    find_reservation(mirror, name, now)
    change = Change(now)
    change.removed_reservations.append(name)
    change.event("unreserved", user.name, f"reservation {name} cancelled")
    mirror.commit(change)


def listed(mirror: Mirror, now: float) -> list[ReservationRecord]:
    """The reservations that have not ended, the next one first."""
    found = [record for record in mirror.orders.reservations.values() if now < record.ends_at]
    return sorted(found, key=lambda record: (record.starts_at, record.name))


def find_reservation(mirror: Mirror, name: str, now: float) -> ReservationRecord:
    """Find a reservation that has not ended.

    Raises:
        NotFoundError: there is none with this name.
    """
    known = {record.name: record for record in listed(mirror, now)}
    if name not in known:
        raise no_such("reservation", name, known, "distnet reservations")
    return known[name]


def reserved_nodes(mirror: Mirror, now: float) -> tuple[ReservedNodes, ...]:
    """What the scheduler has to know of reservations, with the nodes that are there now."""
    return tuple(
        ReservedNodes(
            name=record.name,
            starts_at=record.starts_at,
            ends_at=record.ends_at,
            nodes=frozenset(node.id for node in nodes_of(mirror, record)),
            users=frozenset(record.users),
            teams=frozenset(record.teams),
        )
        for record in listed(mirror, now)
    )


def nodes_of(mirror: Mirror, record: ReservationRecord) -> list[Node]:
    """The nodes of a reservation that are in the newest snapshot."""
    names = set(record.nodes)
    return [node for node in _nodes(mirror) if node.name in names or node.id in names]


def _require_valid(request: ReservationRequest, now: float) -> None:
    if not request.starts_at < request.ends_at or request.ends_at <= now:
        raise InvalidError(
            "--start, --end: expected an end after the start, and in the future", code="bad_window"
        )
    if not request.users and not request.teams:
        raise InvalidError("--user, --team: found neither, expected at least one", code="nobody")
    if (request.count is None) == (not request.nodes):
        raise InvalidError("--nodes: expected a number of nodes, or their names")


def _named(
    mirror: Mirror, request: ReservationRequest, others: Sequence[ReservationRecord]
) -> list[Node]:
    """Find the nodes that are named; `others` are the reservations for a part of that time."""
    nodes = find_nodes(mirror, request.nodes)
    for record in others:
        theirs = {node.id for node in nodes_of(mirror, record)}
        taken = [node.name or node.id for node in nodes if node.id in theirs]
        if taken:
            verb = "is" if len(taken) == 1 else "are"
            raise ConflictError(
                f"{format_names(taken)} {verb} reserved for a part of that time "
                f"({record.name}); see: distnet reservations",
                code="overlap",
            )
    return nodes


def _chosen(
    mirror: Mirror, request: ReservationRequest, others: Sequence[ReservationRecord]
) -> list[Node]:
    """Choose nodes: those on which the fewest workers run now, then by name."""
    workers: Counter[str] = Counter()
    for attempt in mirror.attempts.values():
        workers.update(attempt.placement)
    taken = {node.id for record in others for node in nodes_of(mirror, record)}
    taken |= {node.id for node in _nodes(mirror) if mirror.orders.of(node) is not None}
    free = [node for node in _nodes(mirror) if node.id not in taken]
    wanted = request.count or 0
    if len(free) < wanted:
        raise InvalidError(
            f"--nodes: found {counted(len(free), 'node')} neither drained nor reserved for a part "
            f"of that time, expected {wanted}",
            code="too_few_nodes",
        )
    return sorted(free, key=lambda node: (workers[node.id], node.name, node.id))[:wanted]


def _nodes(mirror: Mirror) -> Sequence[Node]:
    return mirror.snapshot.nodes if mirror.snapshot is not None else ()
