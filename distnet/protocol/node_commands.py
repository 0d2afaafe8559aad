"""Commands that run on the nodes of a job while it trains: programs, and stacks of its workers."""

from typing import Annotated

from pydantic import Field, Strict

from distnet.protocol.message import Message

LONGEST_S = 3600.0
STREAM = r"^exec-[a-z0-9]{16}$"

Argument = Annotated[str, Field(max_length=10_000, pattern=r"^[^\x00]*$")]
Rank = Annotated[int, Strict(), Field(ge=0, lt=2**31)]


class ExecRequest(Message):
    """Run a program once on each node of a job."""

    argv: Annotated[tuple[Argument, ...], Field(min_length=1, max_length=100)]
    """The program and its arguments; no shell sees them."""
    rank: Rank | None = None
    """Only on the node of this worker."""
    timeout_s: Annotated[float, Strict(), Field(gt=0, le=LONGEST_S, allow_inf_nan=False)] = 60.0
    """After this time the program is killed."""


class StacksRequest(Message):
    """Read the stacks of the workers of a job."""

    rank: Rank | None = None
    """Only of this worker."""


class ExecResponse(Message):
    """A command that was accepted."""

    stream: str
    """The log of the job that gets the output: one ExecLine as JSON a line."""


class ExecLine(Message):
    """A line of output, or the end of a program or of the whole command."""

    rank: int | None = None
    """The first worker of the node, or the worker; null for the command as a whole."""
    node: str = ""
    """The address of the node."""
    text: str | None = None
    exit: int | None = None
    """The exit code; without a rank that of the command: the first that is not 0."""


class NodeCommand(Message):
    """A command as the agent of the attempt gets it."""

    stream: str
    argv: tuple[str, ...]
    """Empty for the stacks of workers."""
    rank: int | None
    timeout_s: float
