"""Why something is decided, or not: one plain sentence that names numbers and jobs."""

import math
from collections.abc import Sequence

from distnet.scheduler.order import rank
from distnet.scheduler.reserve import Reservation
from distnet.scheduler.victims import Victim
from distnet.scheduler.view import Candidate, View
from distnet.scheduler.words import gang, some, span


def start(reservation: Reservation | None, now: float, *, is_short: bool) -> str:
    """Why a job starts."""
    if reservation is None:
        return "it is its turn and there is room"
    first = reservation.job.name
    if is_short:
        in_s = span(reservation.starts_at - now)
        return f"it will have ended before {first} starts in {in_s}, as far as is known"
    return f"there is room beside what is kept for {first}"


def give_way(job: Candidate, victim: Victim, view: View) -> str:
    """Why a running job gives way to another one."""
    other = victim.holder.job
    level = rank(other, view.now, view.policy)
    wanted = f"{job.name} needs {gang(job.shape)}"
    if not victim.is_stop:
        return f"{wanted}, and {other.name} has {victim.spare} to spare"
    if level < job.priority:
        return f"{wanted} and has priority {job.priority}, above the rank {level} of {other.name}"
    return (
        f"{wanted} within the quota of {job.team}; {other.name} uses more than that of {other.team}"
    )


def making_room(leaving: Sequence[Candidate]) -> str:
    """Why a job waits that has room promised."""
    return f"starts as soon as {some([job.name for job in leaving])} made room"


def first_in_line(job: Candidate, room: int, reservation: Reservation, now: float) -> str:
    """Why the first job waits."""
    when = "when is not known, because jobs of unknown length hold it"
    if not math.isinf(reservation.starts_at):
        when = f"there should be in {span(reservation.starts_at - now)}"
    return f"{no_room(job, room)}; it is first in line, and {when}"


def no_room(job: Candidate, room: int) -> str:
    """Why a job waits that does not fit."""
    found = "there is room for none" if room == 0 else f"there is room for {room} of them"
    return f"needs {gang(job.shape)}, and {found}"


def reserved(reservation: Reservation, now: float) -> str:
    """Why a job waits that would fit."""
    first = reservation.job
    if math.isinf(reservation.starts_at):
        return f"would fit, but for an unknown time, and the room is kept for {first.name}"
    return (
        f"would fit, but not for sure end before {first.name} starts in "
        f"{span(reservation.starts_at - now)} and needs the room"
    )


def behind(ahead: Sequence[Candidate]) -> str:
    """Why a job waits whose room others were promised."""
    names = some([job.name for job in ahead])
    return f"{names} {'comes' if len(ahead) == 1 else 'come'} first, and will have the room"


def behind_in_team(first: Candidate) -> str:
    """Why a job waits behind another one of its team."""
    return f"{first.name} of the same team comes first, and waits for the team's limit"
