"""Jobs: what the server says about them, and requests that change one."""

from typing import Any

from distnet.protocol.message import Message
from distnet.protocol.metrics import Headline
from distnet.protocol.numbers import Positive, Priority
from distnet.protocol.states import AttemptEnd, JobState, StopReason
from distnet.protocol.usage import JobUse


class JobResponse(Message):
    """A job as `ps` shows it."""

    number: int
    name: str
    owner: str
    team: str
    state: JobState
    code: str = ""
    """The code of `reason` for a waiting job, see `scheduler/view.py: Wait`; also `held`, `after`
    and `cluster` (it cannot be reached)."""
    reason: str = ""
    priority: int
    workers: int | None
    """The current number of workers; null if none train."""
    wanted: int | None = None
    """The number of workers to which it will change; null if it has what it should have."""
    fewest: int
    most: int
    cpus: int
    gpus: int
    position: int | None = None
    """Position in the queue, from 1; null if it is not in the queue."""
    step: int | None = None
    num_steps: int | None = None
    loss: float | None = None
    """Of the training, over its newest steps."""
    learning_rate: float | None = None
    headline: Headline | None = None
    """The metric that stands for the result of the run; its value is in `metrics`."""
    metrics: dict[str, float] = {}
    """Of the last evaluation; empty before the first one."""
    split: str | None = None
    """The split of that evaluation."""
    samples_per_second: float | None = None
    seconds_left: float | None = None
    submitted_at: float
    started_at: float | None = None
    ended_at: float | None = None
    num_attempts: int = 0
    array: str | None = None
    """The name that the jobs of one sweep share."""
    changes: dict[str, Any] = {}
    """What its sweep changes in it: by dotted key, the value."""
    schedule: str | None = None
    error: str | None = None
    failure: str | None = None
    weights_sha256: str | None = None
    removed_at: float | None = None
    """When its log and events were removed, because it had ended long ago."""


class JobsResponse(Message):
    """A page of jobs in the order of the scheduler: running, waiting, ended."""

    jobs: tuple[JobResponse, ...]
    num_total: int
    """Jobs that match, on all pages."""
    num_by_state: dict[JobState, int] = {}
    """Open jobs that match, in every state; empty if the filter is for ended jobs only."""
    next: str | None = None
    """Pass this as `after` to get the next page."""


class SubmitResponse(Message):
    """The jobs of one submit: one, or those of its sweep."""

    jobs: tuple[JobResponse, ...]


class AttemptResponse(Message):
    """One attempt, as part of the details of a job."""

    number: int
    cause: str
    placement: dict[str, int]
    created_at: float
    seen_at: float | None
    ended_at: float | None
    end: AttemptEnd | None
    stop: StopReason | None
    error: str | None
    failure: str | None
    step: int | None


class JobDetails(Message):
    """Everything about one job."""

    job: JobResponse
    spec: str
    """The resolved job file."""
    after: tuple[str, ...]
    attempts: tuple[AttemptResponse, ...]
    result: dict[str, Any] | None
    streams: tuple[str, ...]
    """Names of its logs: `run`, `worker-0`, ..., and `metrics`."""
    folder: str | None = None
    """Its run folder, by its path on the nodes of the cluster."""
    use: JobUse | None = None
    """What it was given of the cluster, and has used."""


class WhyResponse(Message):
    """What a job waits for."""

    job: str
    state: JobState
    code: str
    reason: str
    position: int | None
    ahead: tuple[str, ...] = ()
    """The first jobs ahead of it in the queue."""
    holders: tuple[str, ...] = ()
    """Jobs that hold what it needs."""
    starts_at: float | None = None
    """An estimate; null if the end of what it waits for is unknown."""
    error_s: float | None = None
    """The uncertainty of the estimate."""
    would_start: str = ""
    """What would start it now, in one sentence."""


class StreamResponse(Message):
    """A piece of a log."""

    text: str
    offset: int
    """Of its first byte."""
    next: int
    """The offset of the next piece."""
    end: int
    """The current end of the log."""
    is_complete: bool
    """Whether nothing will follow `next`."""


class ResizeRequest(Message):
    """Change the number of workers."""

    workers: Positive


class PriorityRequest(Message):
    """Change the priority."""

    priority: Priority
