"""Pages of jobs: open ones in the order of the scheduler, ended ones from new to old."""

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from distnet.protocol.errors import InvalidError
from distnet.protocol.jobs import JobsResponse
from distnet.protocol.states import JobState
from distnet.server.ledger import jobs
from distnet.server.ledger.records import JobRecord
from distnet.server.state.mirror import Mirror
from distnet.server.views.jobs import in_order, job_response

MAX_LIMIT = 1000
CURSOR = re.compile(r"(?P<kind>open|ended):(?P<start>\d+|(?<=ended:)\d+\.\d+-\d{1,18})", re.ASCII)
"""`open:POSITION`; `ended:0`, or the end and the number of the last job: `ended:1790000000.5-12`.
An end and a number are found by an index, however long the list is, and jobs that end meanwhile
move nothing."""


@dataclass(frozen=True)
class JobFilter:
    """Which jobs to list."""

    state: Literal["open", "ended", "all"] | JobState = "open"
    owner: str | None = None
    team: str | None = None
    array: str | None = None
    text: str | None = None
    """A part of the name."""
    since: float | None = None
    """Only jobs that have ended since then."""
    limit: int = 100
    after: str | None = None
    """`next` of the page before."""

    @property
    def open_states(self) -> list[JobState]:
        """The states of open jobs that match."""
        if self.since is not None:
            return []
        return [s for s in JobState if not s.is_terminal and self.state in ("all", "open", s)]

    @property
    def ended_states(self) -> list[JobState]:
        """The states of ended jobs that match."""
        return [s for s in JobState if s.is_terminal and self.state in ("all", "ended", s)]

    def matches(self, job: JobRecord) -> bool:
        """Whether a job matches, whatever its state."""
        return (
            (self.owner is None or job.owner == self.owner)
            and (self.team is None or job.team == self.team)
            and (self.array is None or job.array == self.array)
            and (self.text is None or self.text in job.name)
        )


@dataclass(frozen=True)
class _Page:
    """A part of a list: its jobs, where the next part starts, and the length of the list."""

    jobs: Sequence[JobRecord] = ()
    next: str | None = None
    num_total: int = 0


def list_jobs(mirror: Mirror, wanted: JobFilter, now: float) -> JobsResponse:
    """List one page of jobs: first open ones, then those that have ended.

    Raises:
        InvalidError: `bad_page`.
    """
    limit = max(1, min(wanted.limit, MAX_LIMIT))
    kind, start = _cursor(wanted)
    position = int(start) if kind == "open" else None
    matching = [job for job in in_order(mirror) if wanted.matches(job)] if _has_open(wanted) else []
    open_page = _open_page(matching, wanted, position, limit)
    left = limit - len(open_page.jobs)
    before = _end_and_number(start) if kind == "ended" else None
    ended_page = _ended_page(mirror, wanted, before, 0 if open_page.next else left)
    found = (*open_page.jobs, *ended_page.jobs)
    return JobsResponse(
        jobs=tuple(job_response(mirror, job, now) for job in found),
        num_total=open_page.num_total + ended_page.num_total,
        num_by_state=Counter(job.state for job in matching),
        next=open_page.next or ended_page.next,
    )


def _has_open(wanted: JobFilter) -> bool:
    return bool(wanted.open_states)


def _open_page(
    matching: Sequence[JobRecord], wanted: JobFilter, start: int | None, limit: int
) -> _Page:
    """Open jobs from a position on; none if the open ones are on earlier pages."""
    states = wanted.open_states
    found = [job for job in matching if job.state in states]
    if start is None:
        return _Page(num_total=len(found))
    end = start + limit
    following = f"open:{end}" if end < len(found) else None
    return _Page(found[start:end], following, len(found))


def _ended_page(
    mirror: Mirror, wanted: JobFilter, before: tuple[float, int] | None, limit: int
) -> _Page:
    """Jobs that have ended before the job with this end and number, the newest first."""
    states = wanted.ended_states
    if not states:
        return _Page()
    with mirror.ledger.reading() as tx:
        found, num_total = jobs.list_jobs(
            tx,
            states=states,
            owner=wanted.owner,
            team=wanted.team,
            array=wanted.array,
            text=wanted.text,
            ended_since=wanted.since or 0.0,
            before=before,
            limit=limit + 1,
        )
    page = found[:limit]
    if limit == 0:
        return _Page((), "ended:0" if num_total else None, num_total)
    last = f"ended:{page[-1].ended_at!r}-{page[-1].number}" if len(found) > limit else None
    return _Page(page, last, num_total)


def _cursor(wanted: JobFilter) -> tuple[str, str]:
    """The kind of jobs with which the page starts, and where in their list."""
    if wanted.after is None:
        return ("open" if wanted.open_states else "ended"), "0"
    match = CURSOR.fullmatch(wanted.after)
    if match is None:
        raise InvalidError(
            f"after: found {wanted.after!r}, expected the `next` of the page before",
            code="bad_page",
        )
    return match["kind"], match["start"]


def _end_and_number(start: str) -> tuple[float, int] | None:
    """The last job of the page before; None at the start of the list."""
    end, _, number = start.partition("-")
    return (float(end), int(number)) if number else None
