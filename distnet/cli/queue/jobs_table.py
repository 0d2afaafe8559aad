"""Jobs of a server as tables: the queue, and what has ended."""

import time
from collections.abc import Callable, Sequence

from distnet.cli.queue.connect import one_line
from distnet.cli.table import Column, lay_out
from distnet.client.client import Answer
from distnet.report.text import NONE, duration, local_time, number, rate, score

WIDE = 130  # characters, from which figures have columns of their own

Field = tuple[Column, Callable[[Answer], str]]


def queue_lines(jobs: Sequence[Answer], *, width: int | None) -> list[str]:
    """Write one job a line, in the order given; a narrow terminal has figures in one column."""
    return _lines(jobs, QUEUE_WIDE if width is None or width >= WIDE else QUEUE, width)


def history_lines(jobs: Sequence[Answer], *, width: int | None) -> list[str]:
    """Write one job that has ended a line."""
    return _lines(jobs, HISTORY, width)


def _lines(jobs: Sequence[Answer], fields: Sequence[Field], width: int | None) -> list[str]:
    rows = [[text(job) for _, text in fields] for job in jobs]
    return lay_out([column for column, _ in fields], rows, width=width)


def _done(job: Answer) -> str:
    if not job["num_steps"] or job["step"] is None:
        return ""
    # What is nearly done must not be shown as done.
    part = job["step"] / job["num_steps"]
    return "100%" if part >= 1 else f"{min(part, 0.999):.1%}"


def _loss(job: Answer) -> str:
    return "" if job["loss"] is None else score(job["loss"])


def _rate(job: Answer) -> str:
    return rate(job["samples_per_second"]) if job["samples_per_second"] else ""


def _left(job: Answer) -> str:
    """Write the time left, short: `40 s`, `12 min`, `3 h 05`."""
    seconds = job["seconds_left"]
    if seconds is None:
        return ""
    if seconds < 60:
        return f"{seconds:.0f} s"
    minutes = round(seconds / 60)
    return f"{minutes} min" if minutes < 60 else f"{minutes // 60} h {minutes % 60:02}"


def _workers(job: Answer) -> str:
    """Write how many it has (`2`, `1→2` while they change), or may have (`1-4`)."""
    if job["workers"] is not None:
        has, wanted = job["workers"], job["wanted"]
        return str(has) if wanted is None else f"{has}→{wanted}"
    most, fewest = job["most"], job["fewest"]
    return f"{most}" if most == fewest else f"{fewest}-{most}"


def _how(job: Answer) -> str:
    """Write what matters most, short: how far it is where it trains, else why it does not."""
    if job["state"] not in ("running", "stopping") or job["step"] is None:
        return _reason(job)
    words = (
        _done(job).replace(".0%", "%"),
        "" if job["loss"] is None else f"loss {job['loss']:.3g}",
        _short(job["samples_per_second"]),
        _left(job),
    )
    return " ".join(filter(None, words))


def _short(samples_per_second: float | None) -> str:
    """Write 123456.0 as `123k/s`."""
    if not samples_per_second:
        return ""
    for unit, size in (("M", 1e6), ("k", 1e3)):
        if samples_per_second >= size:
            return f"{samples_per_second / size:.3g}{unit}/s"
    return f"{samples_per_second:.3g}/s"


def _reason(job: Answer) -> str:
    return one_line(job["error"] or job["reason"])


def _took(job: Answer) -> str:
    if job["started_at"] is None:
        return NONE
    return duration((job["ended_at"] or time.time()) - job["started_at"])


NAME: Field = (Column("job", least=16), lambda job: job["name"])
STATE: Field = (Column("state", is_state=True), lambda job: job["state"])
OWNER: Field = (Column("owner", least=8), lambda job: job["owner"])
PRIORITY: Field = (Column("prio", is_number=True), lambda job: str(job["priority"]))
REASON: Field = (Column("reason"), _reason)
QUEUE: tuple[Field, ...] = (
    NAME,
    STATE,
    (Column("w", is_number=True), _workers),
    PRIORITY,
    OWNER,
    (Column("how"), _how),
)
QUEUE_WIDE: tuple[Field, ...] = (
    NAME,
    STATE,
    (Column("workers", is_number=True), _workers),
    (Column("done", is_number=True), _done),
    (Column("loss", is_number=True), _loss),
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
    (Column("tries", is_number=True), lambda job: number(job["num_attempts"])),
    OWNER,
    REASON,
)
