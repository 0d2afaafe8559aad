"""Schedules: jobs that the server submits by cron, or once at a given time."""

from typing import Annotated, Literal

from pydantic import Field

from distnet.protocol.message import Message
from distnet.protocol.numbers import Time
from distnet.protocol.submit import SubmitRequest
from distnet.spec.sections.section import Name


class ScheduleRequest(Message):
    """Submit a job repeatedly (`cron`) or once (`at`)."""

    name: Name
    request: SubmitRequest
    cron: Annotated[str, Field(max_length=200)] | None = None
    at: Time | None = None
    tz: Annotated[str, Field(max_length=100)] = "UTC"
    overlap: Literal["skip", "queue", "stop-old", "allow"] = "skip"
    missed: Literal["skip", "one", "all"] = "one"


class ScheduleResponse(Message):
    """A schedule."""

    name: str
    owner: str
    cron: str | None
    at: float | None
    tz: str
    overlap: str
    missed: str
    is_paused: bool
    is_blocked: bool = False
    """Whether it submits nothing because its owner is blocked."""
    next_at: float | None
    last_at: float | None
    last_job: str | None
    num_runs: int


class SchedulesResponse(Message):
    """All schedules, by name."""

    schedules: tuple[ScheduleResponse, ...]
