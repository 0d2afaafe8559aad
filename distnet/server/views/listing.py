"""Lists of jobs: those that are open in the order of the schedule, those that ended by age."""

from collections import Counter
from dataclasses import dataclass
from typing import Literal

from distnet.protocol.errors import InvalidError
from distnet.protocol.jobs import JobsAnswer
from distnet.protocol.states import JobState
from distnet.server.ledger.records import JobRecord
from distnet.server.state.mirror import Mirror
from distnet.server.views.jobs import ended_jobs, in_order, job_answer

MOST = 1000


@dataclass(frozen=True)
class Wanted:
    """Which jobs to list."""

    state: Literal["open", "ended", "all"] | JobState = "open"
    owner: str | None = None
    team: str | None = None
    array: str | None = None
    text: str | None = None
    """A part of the name."""
    limit: int = 100
    after: str | None = None
    """`next` of the page before."""

    @property
    def open_states(self) -> list[JobState]:
        """Of those that are wanted, the states of jobs that are open."""
        return [state for state in JobState if not state.is_terminal and self._wants(state, "open")]

    @property
    def ended_states(self) -> list[JobState]:
        """Of those that are wanted, the states of jobs that have ended."""
        return [state for state in JobState if state.is_terminal and self._wants(state, "ended")]

    def _wants(self, state: JobState, kind: str) -> bool:
        return self.state in ("all", kind, state)


def list_jobs(mirror: Mirror, wanted: Wanted, now: float) -> JobsAnswer:
    """One page of jobs.

    Raises:
        InvalidError: `bad_page`.
    """
    limit = max(1, min(wanted.limit, MOST))
    kind, place = _place(wanted)
    found: list[JobRecord] = []
    total = 0
    following: str | None = None
    num_by_state: Counter[JobState] = Counter()
    states = wanted.open_states
    if states:
        alike = [job for job in in_order(mirror) if _matches(job, wanted)]
        num_by_state.update(job.state for job in alike)
        matching = [job for job in alike if job.state in states]
        total += len(matching)
        if kind == "open":
            found = matching[place : place + limit]
            if place + limit < len(matching):
                following = f"open:{place + limit}"
    if wanted.ended_states:
        before = place if kind == "ended" and place else None
        room = limit - len(found)
        records, num_ended = ended_jobs(
            mirror,
            states=wanted.ended_states,
            owner=wanted.owner,
            team=wanted.team,
            array=wanted.array,
            text=wanted.text,
            before=before,
            limit=room + 1,
        )
        total += num_ended
        if following is None and room:
            found += records[:room]
            if len(records) > room:
                following = f"ended:{found[-1].number}"
        elif following is None and num_ended:
            following = "ended:0"
    jobs = tuple(job_answer(mirror, job, now) for job in found)
    return JobsAnswer(jobs=jobs, num_total=total, num_by_state=num_by_state, next=following)


def _place(wanted: Wanted) -> tuple[str, int]:
    first = "open" if wanted.open_states else "ended"
    if wanted.after is None:
        return first, 0
    kind, _, number = wanted.after.partition(":")
    if kind not in ("open", "ended") or not number.isdecimal():
        raise InvalidError(
            f"after: found {wanted.after!r}, expected the `next` of the page before",
            code="bad_page",
        )
    return kind, int(number)


def _matches(job: JobRecord, wanted: Wanted) -> bool:
    return (
        (wanted.owner is None or job.owner == wanted.owner)
        and (wanted.team is None or job.team == wanted.team)
        and (wanted.array is None or job.array == wanted.array)
        and (wanted.text is None or wanted.text in job.name)
    )
