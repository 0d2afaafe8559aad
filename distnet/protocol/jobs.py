"""Jobs as they are shown and steered."""

from typing import Any

from distnet.protocol.message import Message, Priority
from distnet.protocol.metrics import Headline, Metrics
from distnet.protocol.states import AttemptEnd, JobState, Why
from distnet.spec.sections.section import PositiveInt


class JobAnswer(Message):
    """A job as `ps` shows it."""

    number: int
    name: str
    owner: str
    team: str
    state: JobState
    code: str = ""
    """Of the reason why a waiting job waits, see `scheduler/view.py`: `Wait`; and `held`, `after`,
    `cluster` (nobody hears from it)."""
    reason: str = ""
    priority: int
    workers: int | None
    """That train now; null where none do."""
    wanted: int | None = None
    """That it is to go on with as soon as it can; null where it has what it is to have."""
    fewest: int
    most: int
    cpus: int
    gpus: int
    position: int | None = None
    """Place in the queue, from 1; null where it does not wait."""
    step: int | None = None
    num_steps: int | None = None
    loss: float | None = None
    """Of the training, over its newest steps."""
    learning_rate: float | None = None
    headline: Headline | None = None
    """The metric that stands for the result of the run; its value is in `metrics`."""
    metrics: Metrics = {}
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
    schedule: str | None = None
    error: str | None = None
    failure: str | None = None
    weights_sha256: str | None = None


class JobsAnswer(Message):
    """Jobs in the true order of the schedule: those that run, those that wait, those that ended."""

    jobs: tuple[JobAnswer, ...]
    num_total: int
    """That match, beyond this page."""
    num_by_state: dict[JobState, int] = {}
    """Open jobs that match, whatever state was asked for; empty if only ended ones were."""
    next: str | None = None
    """Give this as `after` for the next page."""


class SubmitAnswer(Message):
    """The jobs of one submit: one, or those of its sweep."""

    jobs: tuple[JobAnswer, ...]


class AttemptAnswer(Message):
    """One attempt, as the details of a job show it."""

    number: int
    cause: str
    placement: dict[str, int]
    created_at: float
    seen_at: float | None
    ended_at: float | None
    end: AttemptEnd | None
    stop: Why | None
    error: str | None
    failure: str | None
    step: int | None


class JobDetails(Message):
    """Everything about one job."""

    job: JobAnswer
    spec: str
    """The resolved job file."""
    after: tuple[str, ...]
    attempts: tuple[AttemptAnswer, ...]
    result: dict[str, Any] | None
    streams: tuple[str, ...]
    """Names of its logs: `run`, `worker-0`, ..., and `metrics`."""
    folder: str | None = None
    """Its run folder, as the cluster's machines see it."""


class WhyAnswer(Message):
    """What a job waits for."""

    job: str
    state: JobState
    code: str
    reason: str
    position: int | None
    ahead: tuple[str, ...] = ()
    """The first jobs that are considered before it."""
    holders: tuple[str, ...] = ()
    """Jobs that hold what it needs."""
    starts_at: float | None = None
    """Estimated; null where the end of what it waits for is not known."""
    error_s: float | None = None
    """How far off the estimate may be."""
    would_start: str = ""
    """What would start it now, in one sentence."""


class StreamAnswer(Message):
    """A piece of a log."""

    text: str
    offset: int
    """Of its first byte."""
    next: int
    """Where the next piece begins."""
    end: int
    """Where the log ends now."""
    is_complete: bool
    """Nothing will come after `next`."""


class ResizeRequest(Message):
    """Ask for another number of workers."""

    workers: PositiveInt


class PriorityRequest(Message):
    """Give a job another priority."""

    priority: Priority
