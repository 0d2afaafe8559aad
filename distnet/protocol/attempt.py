"""Messages between the server and the agent that runs an attempt."""

import json
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, Field

from distnet.protocol.message import Message, Node, Sha256, UpTo1000, UpTo10000
from distnet.protocol.metrics import AtRung, Compared, Headline, Metrics, SplitName
from distnet.protocol.node_commands import NodeCommand
from distnet.protocol.numbers import Count, Flag, Measured
from distnet.protocol.states import AttemptEnd, Doing, StopReason
from distnet.protocol.usage import Used

RATES = ("loss", "learning_rate", "samples_per_second", "seconds_per_step")
"""What an attempt reports of its newest training steps; the loss is that of the training."""
MAX_RUNGS = 64
RateName = Annotated[str, Field(max_length=100)]
Placement = Annotated[dict[Node, Count], Field(max_length=10_000)]
"""Workers on each node."""


MOST_RESULT_BYTES = 100_000
"""Of the result of a run as JSON: lists load the results of all their jobs."""
MOST_TEXT = 1000


def reportable_result(result: dict[str, Any]) -> dict[str, Any]:
    """Leave out of a result what the server does not keep: all but short values if it is large."""
    if _num_bytes(result) <= MOST_RESULT_BYTES:
        return result
    return {key: value for key, value in result.items() if _num_bytes(value) <= MOST_TEXT}


def _small(result: dict[str, Any]) -> dict[str, Any]:
    if _num_bytes(result) > MOST_RESULT_BYTES:
        raise ValueError(f"expected at most {MOST_RESULT_BYTES:,} bytes as JSON")
    return result


def _num_bytes(value: Any) -> int:
    return len(json.dumps(value))


class AttemptConfig(Message):
    """What an agent needs to run its attempt; sent in exchange for the attempt's secret."""

    server_id: str
    """Of the server; it is the same at any address."""
    job: str
    attempt: int
    spec: str
    """The resolved job file."""
    code: Sha256 | None
    """The archive with the job's own files."""
    placement: dict[str, int]
    runs: str
    """The folder of run folders, as the head sees it."""
    datasets: str = ""
    """The folder of the datasets that the server keeps, which this node may see."""
    start_from: str | None
    """The job whose newest checkpoint the first attempt starts from."""
    rungs: tuple[float, ...] = ()
    """The parts of its epochs at which it is compared with the other trials of its sweep."""
    passed_rungs: int = 0
    """At how many of them it was compared already, and goes on; it pauses at the next one."""
    report_every_s: float
    umask: int | None = None
    """Of the attempt's process, so of the run folder that it makes."""
    kept: dict[str, int] = {}
    """Bytes of each stream that the server has of all earlier attempts together. Their files
    continue in the run folder, so this attempt also sends what an earlier one could not."""


class SecretRequest(Message):
    """Exchange the secret with which an attempt was started."""

    sha256: Sha256
    """Of the secret that is accepted from now on; only the agent knows it."""


class Piece(Message):
    """A part of a stream, UTF-8; `offset` counts bytes from the start of this attempt's part."""

    stream: Annotated[str, Field(pattern=r"^[a-z0-9-]{1,40}$")]
    offset: Count
    text: Annotated[str, Field(max_length=1_000_000)]


class Exit(Message):
    """How an attempt ended, as its agent reports it."""

    end: Literal[AttemptEnd.FINISHED, AttemptEnd.STOPPED, AttemptEnd.FAILED]
    step: Count | None = None
    error: Annotated[str, Field(max_length=20_000)] | None = None
    failure: Annotated[str, Field(max_length=1000)] | None = None
    result: Annotated[dict[str, Any], AfterValidator(_small)] | None = None


class Report(Message):
    """The state of an attempt; sent again until the server acknowledges it."""

    is_training: Flag
    """Whether at least one step was made."""
    doing: Doing | None = None
    """What takes long before the first step; null if that is nothing special."""
    step: Count | None = None
    num_steps: Count | None = None
    saved_step: Count | None = None
    placement: Placement = {}
    """The actual nodes of its workers; empty until they are known."""
    draining: UpTo10000[Node] = ()
    """Nodes of the cluster that will be removed soon; Ray reports this to its drivers only."""
    progress: Annotated[dict[RateName, Measured], Field(max_length=100)] = {}
    """Some of RATES; the server ignores other names."""
    headline: Headline | None = None
    """The headline metric of the task; None until training begins."""
    split: SplitName | None = None
    """The split on which the run is evaluated."""
    metrics: Metrics = {}
    """Of the last evaluation on that split; empty before the first one."""
    compared: Compared | None = None
    """What a sweep ranks the job by; None before the first evaluation."""
    at_rungs: Annotated[tuple[AtRung, ...], Field(max_length=MAX_RUNGS)] = ()
    """What was measured at the rungs to which it has come; an earlier attempt may have done so."""
    used: Used | None = None
    """None until the workers have measured something."""
    pieces: UpTo1000[Piece] = ()
    exit: Exit | None = None


class Instructions(Message):
    """The response to a report: what the attempt has to do."""

    stop: StopReason | None = None
    """Save a checkpoint and end."""
    workers: int | None = None
    """Continue with this number of workers."""
    placement: Placement = {}
    """The most workers on each node. Empty: fewer workers stay on nodes that the attempt has; more
    workers take any free capacity."""
    offsets: dict[str, int] = {}
    """Bytes of each stream that the server has: send what follows."""
    commands: tuple[NodeCommand, ...] = ()
    """Repeated until their output arrives: each is run once."""
