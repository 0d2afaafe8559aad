"""What an attempt and the server tell each other."""

from typing import Annotated, Any, Literal

from pydantic import Field

from distnet.protocol.message import Message, Node, Sha256, UpTo10000
from distnet.protocol.metrics import Headline, Metrics, SplitName
from distnet.protocol.states import AttemptEnd, Why

RATES = ("loss", "learning_rate", "samples_per_second", "seconds_per_step")
"""What an attempt reports of its newest training steps; the loss is that of the training."""
Count = Annotated[int, Field(ge=0, lt=2**53)]
Figure = Annotated[str, Field(max_length=100)]
Placement = Annotated[dict[Node, Count], Field(max_length=10_000)]
"""Workers on each node."""


class Task(Message):
    """What an attempt is to do; asked for with the attempt's own secret."""

    job: str
    attempt: int
    spec: str
    code: Sha256 | None
    placement: dict[str, int]
    runs: str
    """The folder of run folders, which all nodes see."""
    start_from: str | None
    """Another job, whose newest checkpoint the first attempt begins with."""
    report_every_s: float
    kept: dict[str, int] = {}
    """Bytes of each stream that were kept of all earlier attempts together: the files go on in the
    run folder, so this attempt also sends what an earlier one could not send any more."""


class Piece(Message):
    """A part of a stream, UTF-8; `offset` counts bytes from where this attempt's part begins."""

    stream: Annotated[str, Field(pattern=r"^[a-z0-9-]{1,40}$")]
    offset: Count
    text: Annotated[str, Field(max_length=1_000_000)]


class Exit(Message):
    """How an attempt ended, by its own account."""

    end: Literal[AttemptEnd.FINISHED, AttemptEnd.STOPPED, AttemptEnd.FAILED]
    step: Count | None = None
    error: Annotated[str, Field(max_length=20_000)] | None = None
    failure: Annotated[str, Field(max_length=1000)] | None = None
    result: dict[str, Any] | None = None


class Report(Message):
    """An attempt tells where it is; sent again until it is answered."""

    is_training: bool
    """Whether a step was made."""
    step: Count | None = None
    num_steps: Count | None = None
    saved_step: Count | None = None
    placement: Placement = {}
    """Where its workers really are; empty while that is not known."""
    draining: UpTo10000[Node] = ()
    """Nodes of the cluster that are about to be taken away; Ray tells only its drivers of them."""
    progress: Annotated[dict[Figure, float], Field(max_length=100)] = {}
    """Some of RATES; the server ignores other names."""
    headline: Headline | None = None
    """The headline metric of the task; None until training begins."""
    split: SplitName | None = None
    """The split on which the run is evaluated."""
    metrics: Metrics = {}
    """Of the last evaluation on that split; empty before the first one."""
    pieces: UpTo10000[Piece] = ()
    exit: Exit | None = None


class Orders(Message):
    """The answer to a report: what the attempt is to do next."""

    stop: Why | None = None
    """Save and end."""
    workers: int | None = None
    """Go on with so many workers."""
    placement: Placement = {}
    """Where those may be: the most on each node. Empty: a smaller number stays at places that it
    has, a larger one goes where there is room."""
    offsets: dict[str, int] = {}
    """How much of each stream has been kept: send what follows."""
