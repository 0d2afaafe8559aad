"""The states of a job and of an attempt."""

from enum import StrEnum


class JobState(StrEnum):
    """The state of a job; a user can leave a terminal state only by `retry`."""

    WAITING = "waiting"
    """In the queue, or waiting for other jobs or a time."""
    HELD = "held"
    """Kept out of the queue until a user releases it."""
    STARTING = "starting"
    """An attempt was submitted to Ray and has not made a step yet."""
    RUNNING = "running"
    """An attempt trains."""
    STOPPING = "stopping"
    """An attempt is saving a checkpoint, and will end."""
    UNKNOWN = "unknown"
    """An attempt should be running, but does not report. It has not failed."""
    FINISHED = "finished"
    STOPPED = "stopped"
    """Ended as planned before its last step, with a complete checkpoint."""
    STOPPED_EARLY = "stopped early"
    """Ended at a rung of its sweep, since other trials were better; its checkpoint is complete."""
    FAILED = "failed"
    CANCELLED = "cancelled"

    @property
    def is_terminal(self) -> bool:
        """Whether the job has ended."""
        return self in _TERMINAL

    @property
    def is_live(self) -> bool:
        """Whether there is an attempt that may hold resources of the cluster."""
        return self in _LIVE


_TERMINAL = frozenset(
    {
        JobState.FINISHED,
        JobState.STOPPED,
        JobState.STOPPED_EARLY,
        JobState.FAILED,
        JobState.CANCELLED,
    }
)
_LIVE = frozenset({JobState.STARTING, JobState.RUNNING, JobState.STOPPING, JobState.UNKNOWN})


class Doing(StrEnum):
    """What an attempt does before it trains, where that may take long."""

    INSTALLING = "installing packages"


class AttemptEnd(StrEnum):
    """How an attempt ended."""

    FINISHED = "finished"
    """It made the last step."""
    STOPPED = "stopped"
    """As planned: saved, no step lost. The reason is in `stop` of the attempt."""
    FAILED = "failed"
    """Its own exit record says so, with a kind of failure."""
    LOST = "lost"
    """It ended without an exit record, or its cluster is gone."""


class StopReason(StrEnum):
    """Why an attempt has to stop; it decides the state of the job afterwards."""

    STOP = "stop"
    """A user stops the job: it becomes stopped."""
    CANCEL = "cancel"
    """A user cancels the job: it becomes cancelled."""
    PREEMPT = "preempt"
    """Another job gets its resources: it waits again."""
    DRAIN = "drain"
    """An admin clears a node on which it runs: it waits again."""
    RESERVATION = "reservation"
    """Its nodes are reserved for others from now on: it waits again."""
    HOLD = "hold"
    """A user holds the job: it becomes held."""
    MAX_TIME = "max-time"
    """The job has reached queue.max_time: it becomes stopped."""
    RUNG = "rung"
    """It is to be compared with the other trials of its sweep: it waits for that."""
