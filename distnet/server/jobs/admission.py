"""Admission: what a user may submit, and what the cluster can ever run."""

import math
from collections.abc import Sequence

from distnet.protocol.errors import ForbiddenError, InvalidError, TooManyError
from distnet.scheduler.feasibility import infeasible_reason
from distnet.scheduler.format import format_duration, format_names, format_resources
from distnet.scheduler.view import Shape
from distnet.server.ledger.records import JobRecord, Role, User
from distnet.server.nodes.reserve import find_reservation, nodes_of
from distnet.server.state.mirror import Mirror
from distnet.spec.plural import counted

MAX_NODES = 4
"""Nodes that a message lists."""


def team_of(user: User, team: str | None) -> str:
    """The team whose quota a job uses: its owner's, or any team if an admin names it.

    Raises:
        ForbiddenError: `not_your_team`.
    """
    if team is None or team == user.team or user.role is Role.ADMIN:
        return team or user.team
    raise ForbiddenError(
        f"--team: found {team}, expected {user.team}: {user.name} is in that team, and only an "
        "admin can submit for another one",
        code="not_your_team",
    )


def require_priority(user: User, priority: int, highest: int) -> None:
    """Refuse a priority that only admins may give.

    Raises:
        ForbiddenError: `priority_too_high`.
    """
    if priority > highest and user.role is not Role.ADMIN:
        raise ForbiddenError(
            f"priority: found {priority}, expected at most {highest}: only an admin can give a "
            "higher one",
            code="priority_too_high",
        )


def require_preemptible(user: User, records: Sequence[JobRecord], longest_s: float) -> None:
    """Refuse jobs that cannot be preempted for longer than a submitter's may be.

    Raises:
        ForbiddenError: `not_preemptible`.
    """
    if user.role is Role.ADMIN or longest_s == math.inf:
        return
    for job in records:
        if job.is_preemptible or (job.max_time_s is not None and job.max_time_s <= longest_s):
            continue
        if longest_s == 0:
            expected = "true: only an admin can submit a job that cannot be preempted"
        else:
            found = "no" if job.max_time_s is None else f"a {format_duration(job.max_time_s)}"
            expected = (
                f"true, or a queue.max_time of at most {format_duration(longest_s)} (found {found}"
                " max_time); without it, an admin has to submit the job"
            )
        raise ForbiddenError(
            f"queue.preemptible: found false, expected {expected}", code="not_preemptible"
        )


def require_grace(user: User, records: Sequence[JobRecord], longest_s: float) -> None:
    """Refuse jobs that may keep their nodes for long after a stop.

    Raises:
        ForbiddenError: `grace_too_long`.
    """
    most_s = max(job.grace_s for job in records)
    if most_s > longest_s and user.role is not Role.ADMIN:
        raise ForbiddenError(
            f"queue.grace: found {format_duration(most_s)}, expected at most "
            f"{format_duration(longest_s)}: only an admin can submit a job with a longer one",
            code="grace_too_long",
        )


def require_open_jobs(mirror: Mirror, user: User, num_new: int, most: int) -> None:
    """Refuse more open jobs than a user may have.

    Raises:
        TooManyError: `too_many_jobs`.
    """
    num_open = mirror.num_open[user.name]
    if num_open + num_new > most:
        raise TooManyError(
            f"{user.name} has {counted(num_open, 'open job')} and submits {num_new:,} more, but "
            f"may have at most {most:,}; cancel some, or wait",
            code="too_many_jobs",
        )


def require_fits(mirror: Mirror, shape: Shape, team: str) -> None:
    """Refuse a job that could not start even on an idle cluster; an unknown cluster refuses none.

    Raises:
        InvalidError: `never_fits`, with the nodes that there are.
    """
    _require_team_limit(mirror, shape, team)
    if mirror.snapshot is None or not (mirror.snapshot.nodes or mirror.groups.groups):
        return
    nodes = mirror.snapshot.nodes
    reason = infeasible_reason(shape, mirror.groups.with_absent(nodes, 0.0))
    if reason is not None:
        names = [f"{n.name or n.id}: {format_resources(*n.total)}" for n in nodes]
        limits = [
            f"; group {group.name} has at most {counted(group.max_nodes, 'node')} with "
            f"{format_resources(group.cpus, group.gpus)}"
            for group in mirror.groups.groups
        ]
        found = format_names(names, MAX_NODES) + "".join(limits)
        raise InvalidError(f"it {reason} (the nodes are {found})", code="never_fits")


def require_reservation(mirror: Mirror, job: JobRecord, name: str, now: float) -> None:
    """Refuse a job that names a reservation which it can never use.

    Raises:
        NotFoundError: there is no such reservation.
        ForbiddenError: `not_your_reservation`.
        InvalidError: `never_fits`.
    """
    record = find_reservation(mirror, name, now)
    if job.owner not in record.users and job.team not in record.teams:
        raise ForbiddenError(
            f"--reservation: {name} is neither for {job.owner} nor for team {job.team}",
            code="not_your_reservation",
        )
    if mirror.snapshot is None:
        return
    reason = infeasible_reason(job.shape, nodes_of(mirror, record))
    if reason is not None:
        raise InvalidError(f"on the nodes of reservation {name} it {reason}", code="never_fits")


def _require_team_limit(mirror: Mirror, shape: Shape, team: str) -> None:
    record = mirror.teams.get(team)
    if record is None:
        return
    for limit, each, what in (
        (record.limit_cpus, shape.cpus, "CPU"),
        (record.limit_gpus, shape.gpus, "GPU"),
    ):
        if limit is not None and shape.min_workers * each > limit:
            raise InvalidError(
                f"{counted(shape.min_workers, 'worker')} with {counted(each, what)} each need "
                f"{counted(shape.min_workers * each, what)}, but team {team} is "
                f"limited to {limit:g}",
                code="never_fits",
            )
