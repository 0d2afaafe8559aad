"""Jobs of a server as tables: the queue, and the history."""

import time
from collections.abc import Callable, Sequence

from distnet.cli.output import one_line
from distnet.cli.table import Column, lay_out
from distnet.client.client import Json
from distnet.report.text import NONE, duration, local_time, number, rate, score
from distnet.spec.metric import Metric

WIDE = 130  # characters, from which each figure has a column of its own

Field = tuple[Column, Callable[[Json], str]]


def queue_lines(jobs: Sequence[Json], *, width: int | None) -> list[str]:
    """Write one job a line, in the order given.

    Args:
        jobs: JobAnswers.
        width: characters of a line, None for no limit; a narrow table has all figures in one
            column.
    """
    return _lines(jobs, QUEUE_WIDE if width is None or width >= WIDE else QUEUE, width)


def history_lines(jobs: Sequence[Json], *, width: int | None) -> list[str]:
    """Write one job that has ended a line; see `queue_lines`."""
    return _lines(jobs, HISTORY, width)


def _lines(jobs: Sequence[Json], fields: Sequence[Field], width: int | None) -> list[str]:
    rows = [[text(job) for _, text in fields] for job in jobs]
    return lay_out([column for column, _ in fields], rows, width=width)


def _done(job: Json) -> str:
    if not job["num_steps"] or job["step"] is None:
        return ""
    # A job that is nearly done must not be shown as done.
    part = job["step"] / job["num_steps"]
    return "100%" if part >= 1 else f"{min(part, 0.999):.1%}"


def _metric(job: Json) -> str:
    """Write the headline metric of the last evaluation: `test accuracy 95.88%`, or nothing."""
    headline, metrics = job.get("headline"), job.get("metrics") or {}
    if headline is None or headline["name"] not in metrics:
        return ""
    metric = Metric.from_dict(headline)
    words = (job.get("split"), metric.name, metric.text(metrics[metric.name]))
    return one_line(" ".join(filter(None, words)))


def _metric_or_none(job: Json) -> str:
    return _metric(job) or NONE


def _loss(job: Json) -> str:
    return "" if job["loss"] is None else score(job["loss"])


def _rate(job: Json) -> str:
    return rate(job["samples_per_second"]) if job["samples_per_second"] else ""


def _left(job: Json) -> str:
    """Write the time left: `40 s`, `12 min`, `3 h 05`."""
    seconds = job["seconds_left"]
    if seconds is None:
        return ""
    if seconds < 60:
        return f"{seconds:.0f} s"
    minutes = round(seconds / 60)
    return f"{minutes} min" if minutes < 60 else f"{minutes // 60} h {minutes % 60:02}"


def _workers(job: Json) -> str:
    """Write how many it has (`2`, `1→2` while that changes), or may have (`1-4`)."""
    if job["workers"] is not None:
        current, wanted = job["workers"], job["wanted"]
        return str(current) if wanted is None else f"{current}→{wanted}"
    most, fewest = job["most"], job["fewest"]
    return f"{most}" if most == fewest else f"{fewest}-{most}"


def _status(job: Json) -> str:
    """Write how far a job is if it trains, the most important first; else why it does not."""
    if job["state"] not in ("running", "stopping") or job["step"] is None:
        return _reason(job)
    words = (
        _done(job).replace(".0%", "%"),
        "" if job["loss"] is None else f"loss {job['loss']:.3g}",
        _metric(job),
        _left(job),
        _short_rate(job["samples_per_second"]),
    )
    return " ".join(filter(None, words))


def _short_rate(samples_per_second: float | None) -> str:
    """Write 123456.0 as `123k/s`."""
    if not samples_per_second:
        return ""
    for unit, size in (("M", 1e6), ("k", 1e3)):
        if samples_per_second >= size:
            return f"{samples_per_second / size:.3g}{unit}/s"
    return f"{samples_per_second:.3g}/s"


def _reason(job: Json) -> str:
    return one_line(job["error"] or job["reason"])


def _end_reason(job: Json) -> str:
    """Write why a job has ended, and what is no longer there."""
    removed = [] if job.get("removed_at") is None else ["log removed"]
    return "; ".join(filter(None, [_reason(job), *removed]))


def _took(job: Json) -> str:
    if job["started_at"] is None:
        return NONE
    return duration((job["ended_at"] or time.time()) - job["started_at"])


NAME: Field = (Column("job", least=16), lambda job: job["name"])
STATE: Field = (Column("state", is_state=True), lambda job: job["state"])
OWNER: Field = (Column("owner", least=8), lambda job: job["owner"])
PRIORITY: Field = (Column("prio", is_number=True), lambda job: str(job["priority"]))
REASON: Field = (Column("reason"), _reason)
LOSS: Field = (Column("loss", is_number=True), _loss)
METRIC: Field = (Column("metric"), _metric_or_none)
QUEUE: tuple[Field, ...] = (
    NAME,
    STATE,
    (Column("w", is_number=True), _workers),
    PRIORITY,
    OWNER,
    (Column("status"), _status),
)
QUEUE_WIDE: tuple[Field, ...] = (
    NAME,
    STATE,
    (Column("workers", is_number=True), _workers),
    (Column("done", is_number=True), _done),
    LOSS,
    METRIC,
    (Column("samples/s", is_number=True), _rate),
    (Column("left", is_number=True), _left),
    OWNER,
    PRIORITY,
    REASON,
)
HISTORY: tuple[Field, ...] = (
    NAME,
    STATE,
    (Column("ended"), lambda job: local_time(job["ended_at"])),
    (Column("took", is_number=True), _took),
    (Column("steps", is_number=True), lambda job: number(job["step"])),
    LOSS,
    METRIC,
    (Column("attempts", is_number=True), lambda job: number(job["num_attempts"])),
    OWNER,
    (Column("reason"), _end_reason),
)
