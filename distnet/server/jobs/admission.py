"""What a user may ask for: whose quota is used, how many jobs, how urgent ones."""

from distnet.protocol.errors import ForbiddenError, InvalidError, TooManyError
from distnet.scheduler.feasibility import infeasible_reason
from distnet.scheduler.format import format_names, format_resources
from distnet.scheduler.view import Shape
from distnet.server.ledger.records import Role, User
from distnet.server.state.mirror import Mirror

MOST_NODES = 4


def team_of(user: User, wanted: str | None) -> str:
    """Whose quota a job uses: that of its owner's team, if not an admin says otherwise.

    Raises:
        ForbiddenError: `not_your_team`.
    """
    if wanted is None or wanted == user.team or user.role is Role.ADMIN:
        return wanted or user.team
    raise ForbiddenError(
        f"--team: found {wanted}, expected {user.team}: {user.name} is of that team, and only an "
        "admin submits for another one",
        code="not_your_team",
    )


def require_priority(user: User, priority: int, highest: int) -> None:
    """Refuse a priority that is the admins' to give.

    Raises:
        ForbiddenError: `priority_too_high`.
    """
    if priority > highest and user.role is not Role.ADMIN:
        raise ForbiddenError(
            f"priority: found {priority}, expected at most {highest}: only admins give more",
            code="priority_too_high",
        )


def require_few(mirror: Mirror, user: User, num_new: int, most: int) -> None:
    """Refuse more jobs than may be open at a time.

    Raises:
        TooManyError: `too_many_jobs`.
    """
    num_open = mirror.num_open[user.name]
    if num_open + num_new > most:
        raise TooManyError(
            f"{user.name} has {num_open:,} open jobs and asks for {num_new:,} more, but at most "
            f"{most:,} may be open at a time; cancel some, or wait",
            code="too_many_jobs",
        )


def require_fits(mirror: Mirror, shape: Shape, team: str) -> None:
    """Refuse a job that could not start even if it were alone; unknown machines refuse nothing.

    Raises:
        InvalidError: `never_fits`, with the machines that would do.
    """
    record = mirror.teams.get(team)
    if record is not None:
        for limit, each, what in (
            (record.limit_cpus, shape.cpus, "CPUs"),
            (record.limit_gpus, shape.gpus, "GPUs"),
        ):
            if limit is not None and shape.min_workers * each > limit:
                raise InvalidError(
                    f"{shape.min_workers} workers with {each} {what} each are "
                    f"{shape.min_workers * each} {what}, "
                    f"but the team {team} may never have more than {limit:g}",
                    code="never_fits",
                )
    if mirror.snapshot is None or not mirror.snapshot.nodes:
        return
    reason = infeasible_reason(shape, mirror.snapshot.nodes)
    if reason is not None:
        nodes = mirror.snapshot.nodes
        found = format_names(
            (f"{n.name or n.id}: {format_resources(n.cpus, n.gpus)}" for n in nodes), MOST_NODES
        )
        raise InvalidError(f"it {reason} (the nodes are {found})", code="never_fits")
