"""What the server answers: jobs, reasons, logs, machines, as users see them."""

from codecs import getincrementaldecoder
from collections.abc import Iterable, Sequence
from pathlib import Path

from distnet.protocol.cluster import EventAnswer, EventsAnswer
from distnet.protocol.jobs import (
    AttemptAnswer,
    JobAnswer,
    JobDetails,
    StreamAnswer,
    WhyAnswer,
)
from distnet.protocol.states import JobState
from distnet.server.jobs.dependencies import waits_for
from distnet.server.jobs.steer import find
from distnet.server.ledger import attempts, events, jobs, streams
from distnet.server.ledger.records import AttemptRecord, EventRecord, JobRecord
from distnet.server.loop.view import seconds_left
from distnet.server.state.job_files import text_of
from distnet.server.state.mirror import Mirror
from distnet.server.views.resize import how, pending, wanted_of, workers_of

AHEAD = 5


def job_answer(mirror: Mirror, job: JobRecord, now: float) -> JobAnswer:
    """A job as `ps` shows it."""
    attempt = mirror.attempts.get(job.name)
    code, reason, position = why_waiting(mirror, job)
    shape, progress, result = job.shape, job.progress, job.result or {}
    return JobAnswer(
        number=job.number,
        name=job.name,
        owner=job.owner,
        team=job.team,
        state=job.state,
        code=code,
        reason=reason,
        priority=job.priority,
        workers=workers_of(job, attempt) if attempt is not None else None,
        wanted=wanted_of(job, attempt) if attempt is not None else None,
        fewest=job.workers or shape.min_workers,
        most=job.workers or shape.max_workers,
        cpus=shape.cpus,
        gpus=shape.gpus,
        position=position,
        step=progress.get("step"),
        num_steps=progress.get("num_steps"),
        loss=progress.get("loss"),
        learning_rate=progress.get("learning_rate"),
        headline=progress.get("headline"),
        metrics=progress.get("metrics", {}),
        split=progress.get("split"),
        samples_per_second=progress.get("samples_per_second") if attempt is not None else None,
        seconds_left=seconds_left(job, attempt, now) if attempt is not None else None,
        submitted_at=job.submitted_at,
        started_at=job.started_at,
        ended_at=job.ended_at,
        num_attempts=job.num_attempts,
        array=job.array,
        schedule=job.schedule,
        error=_text(result.get("error")),
        failure=_text(result.get("failure")),
        weights_sha256=_text(result.get("weights_sha256")),
    )


def _text(said: object) -> str | None:
    """What an attempt said of its end; the job's own code may have said anything."""
    return said if isinstance(said, str) else None


def why_waiting(mirror: Mirror, job: JobRecord) -> tuple[str, str, int | None]:
    """The code and the reason why a job is in its state, and its place in the queue."""
    if job.state is JobState.HELD:
        return "held", job.reason, None
    if job.state is not JobState.WAITING:
        return "", job.reason, None
    unmet = waits_for(job, mirror.states(job)) if job.after else []
    if unmet:
        first = unmet[0]
        return "after", f"after {first.job}:{first.condition}", None
    if mirror.snapshot is None or mirror.unreachable:
        return "cluster", mirror.unreachable, None
    wait = mirror.waits.get(job.number)
    if wait is None:
        return "behind", "it has just been queued", None
    return wait.code, wait.reason, mirror.places[job.number]


def in_order(mirror: Mirror) -> list[JobRecord]:
    """Open jobs as the schedule has them: those with an attempt, the queue, the others."""
    live = [mirror.jobs[name] for name in mirror.attempts]
    by_number = {job.number: job for job in mirror.jobs.values()}
    queue = [by_number[wait.job] for wait in mirror.plan.queue if wait.job in by_number]
    queue = [job for job in queue if job.state is JobState.WAITING]
    known = {job.number for job in (*live, *queue)}
    rest = [job for job in mirror.jobs.values() if job.number not in known]
    return [*sorted(live, key=lambda job: job.number), *queue, *rest]


def details(mirror: Mirror, runs: Path, name: str, now: float) -> JobDetails:
    """Everything about one job."""
    job = find(mirror, name)
    with mirror.ledger.reading() as tx:
        made = attempts.attempts_of(tx, name)
        names = streams.stream_names(tx, name)
    return JobDetails(
        job=job_answer(mirror, job, now),
        spec=text_of(mirror, job),
        after=tuple(f"{d.job}:{d.condition}" for d in job.after),
        attempts=tuple(_attempt_answer(attempt) for attempt in made),
        result=dict(job.result) if job.result is not None else None,
        streams=tuple(names),
        folder=str(runs / job.name),
    )


def why(mirror: Mirror, name: str, now: float) -> WhyAnswer:
    """What a job waits for, without when it may start; of others, how they are."""
    job = find(mirror, name)
    code, reason, position = why_waiting(mirror, job)
    attempt = mirror.attempts.get(name)
    holders: tuple[str, ...] = ()
    if attempt is not None and wanted_of(job, attempt) is not None:
        code, (reason, holders) = "resize", pending(mirror, job, attempt, now)
    elif attempt is not None:
        reason = reason or how(job, attempt)
    answer = WhyAnswer(
        job=name,
        state=job.state,
        code=code,
        reason=reason,
        position=position,
        holders=holders[:AHEAD],
    )
    wait = mirror.waits.get(job.number)
    if job.state is not JobState.WAITING or position is None or wait is None:
        return answer
    ahead = _names(mirror, (w.job for w in mirror.plan.queue[: position - 1][:AHEAD]))
    return answer.model_copy(update={"ahead": ahead, "holders": _names(mirror, wait.blockers)})


def stream(mirror: Mirror, name: str, stream: str, offset: int, limit: int) -> StreamAnswer:
    """A piece of a log, cut between characters."""
    job = find(mirror, name)
    with mirror.ledger.reading() as tx:
        data, end = streams.read_stream(tx, name, stream, offset, limit)
    decoder = getincrementaldecoder("utf-8")(errors="replace")
    is_last = offset + len(data) >= end
    text = decoder.decode(data, final=is_last and job.state.is_terminal)
    rest = len(decoder.getstate()[0])  # of a character that has not come whole
    if rest == len(data):  # what is no text at all must not be asked for again and again
        text, rest = decoder.decode(b"", final=True), 0
    following = offset + len(data) - rest
    is_complete = job.state.is_terminal and following >= end
    return StreamAnswer(text=text, offset=offset, next=following, end=end, is_complete=is_complete)


def event_answers(mirror: Mirror, *, after: int, job: str | None, limit: int) -> EventsAnswer:
    """A part of the event log."""
    with mirror.ledger.reading() as tx:
        found = events.read_events(tx, after=after, job=job, limit=limit)
    last = found[-1].number if found else after
    return EventsAnswer(events=tuple(_event_answer(event) for event in found), next=last)


def ended_jobs(
    mirror: Mirror,
    *,
    states: Sequence[JobState],
    owner: str | None,
    team: str | None,
    array: str | None,
    text: str | None,
    before: int | None,
    limit: int,
) -> tuple[Sequence[JobRecord], int]:
    """Jobs that have ended, the newest first."""
    with mirror.ledger.reading() as tx:
        return jobs.list_jobs(
            tx,
            states=states,
            owner=owner,
            team=team,
            array=array,
            text=text,
            before=before,
            limit=limit,
        )


def _names(mirror: Mirror, numbers: Iterable[int]) -> tuple[str, ...]:
    by_number = {job.number: job.name for job in mirror.jobs.values()}
    return tuple(by_number[number] for number in numbers if number in by_number)


def _attempt_answer(attempt: AttemptRecord) -> AttemptAnswer:
    return AttemptAnswer(
        number=attempt.number,
        cause=attempt.cause,
        placement=dict(attempt.placement),
        created_at=attempt.created_at,
        seen_at=attempt.seen_at,
        ended_at=attempt.ended_at,
        end=attempt.end,
        stop=attempt.stop,
        error=attempt.error,
        failure=attempt.failure,
        step=attempt.step,
    )


def _event_answer(event: EventRecord) -> EventAnswer:
    return EventAnswer(
        number=event.number,
        time=event.time,
        kind=event.kind,
        job=event.job,
        actor=event.actor,
        text=event.text,
    )
