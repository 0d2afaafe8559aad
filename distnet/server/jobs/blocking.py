"""What becomes of the open jobs and the schedules of a user who is blocked."""

from distnet.protocol.states import JobState, StopReason
from distnet.protocol.users import BlockResponse, UserResponse
from distnet.server.jobs.commands import end_in
from distnet.server.ledger.records import User
from distnet.server.state.change import Change
from distnet.server.state.mirror import Mirror


def block_jobs(
    mirror: Mirror, by: User, blocked: UserResponse, *, cancel: bool, now: float
) -> BlockResponse:
    """Hold the waiting jobs of a user, or cancel all open ones; all in one transaction.

    Args:
        mirror: locked by the caller.
        by: the admin.
        blocked: the user.
        cancel: whether to cancel; otherwise jobs that have workers go on.
        now: Unix time.
    """
    change = Change(now)
    own = [job for job in mirror.jobs.values() if job.owner == blocked.name]
    for job in own:
        if cancel:
            end_in(change, mirror, by, job, StopReason.CANCEL)
        elif job.state is JobState.WAITING:
            end_in(change, mirror, by, job, StopReason.HOLD)
    mirror.commit(change)
    if cancel:
        done = BlockResponse(user=blocked, cancelled=tuple(job.name for job in own))
    else:
        done = jobs_of(mirror, blocked)
    return done.model_copy(update={"paused": _schedules_of(mirror, blocked.name)})


def jobs_of(mirror: Mirror, user: UserResponse) -> BlockResponse:
    """A user's open jobs: those that are held, and those that go on."""
    own = [mirror.jobs[name] for name in mirror.jobs if mirror.jobs[name].owner == user.name]
    return BlockResponse(
        user=user,
        held=tuple(job.name for job in own if job.state is JobState.HELD),
        going_on=tuple(job.name for job in own if job.state is not JobState.HELD),
    )


def _schedules_of(mirror: Mirror, owner: str) -> tuple[str, ...]:
    return tuple(name for name, one in sorted(mirror.schedules.items()) if one.owner == owner)
