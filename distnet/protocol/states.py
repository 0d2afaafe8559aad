"""The states of a job and of an attempt, and what is true of each."""

from enum import StrEnum


class JobState(StrEnum):
    """Where a job is; a terminal state is left only when a user asks for a retry."""

    WAITING = "waiting"
    """It starts as soon as it may and fits."""
    HELD = "held"
    """It waits until a user releases it."""
    STARTING = "starting"
    """An attempt was handed to Ray and has not spoken yet."""
    RUNNING = "running"
    """An attempt trains."""
    STOPPING = "stopping"
    """An attempt was asked to save and end."""
    UNKNOWN = "unknown"
    """An attempt should be running, and nobody hears from it. Never the same as failed."""
    FINISHED = "finished"
    STOPPED = "stopped"
    """Ended as planned before its last step; its checkpoint is whole."""
    FAILED = "failed"
    CANCELLED = "cancelled"

    @property
    def is_terminal(self) -> bool:
        """Whether nothing happens any more unless somebody asks for it."""
        return self in _TERMINAL

    @property
    def is_live(self) -> bool:
        """Whether there is an attempt that may hold room on the cluster."""
        return self in _LIVE


_TERMINAL = frozenset({JobState.FINISHED, JobState.STOPPED, JobState.FAILED, JobState.CANCELLED})
_LIVE = frozenset({JobState.STARTING, JobState.RUNNING, JobState.STOPPING, JobState.UNKNOWN})


class AttemptEnd(StrEnum):
    """How an attempt ended."""

    FINISHED = "finished"
    """The last step was made."""
    STOPPED = "stopped"
    """As planned: saved, no step lost. The attempt's `cause` says why it was asked to."""
    FAILED = "failed"
    """Its own exit record says so, with a kind of failure."""
    LOST = "lost"
    """It ended without a record, or its cluster is gone."""


class Why(StrEnum):
    """Why an attempt is asked to stop; what the job becomes when it has."""

    STOP = "stop"
    """A user wants it to end: the job is stopped."""
    CANCEL = "cancel"
    """A user wants nothing more of it: the job is cancelled."""
    PREEMPT = "preempt"
    """Another job takes its place: the job waits again."""
    HOLD = "hold"
    """A user holds it: the job is held."""
    MAX_TIME = "max-time"
    """It has trained for as long as it may: the job is stopped."""
