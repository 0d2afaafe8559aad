"""The base of all messages that travel over HTTP: frozen, the same for server, client and agent.

Every refusal is `{"error": {"code": CODE, "message": TEXT}}`; the codes are those of
`distnet.protocol.errors`. Times are Unix seconds.
"""

from typing import Annotated, TypeVar

from pydantic import BaseModel, ConfigDict, FailFast, Field, ValidationError

CURSOR = r"^[a-z]+:[0-9]{1,19}([.][0-9]{1,9}-[0-9]{1,18})?$"
"""The start of a page of a list, as the page before named it."""
TOKEN_ID = r"^[a-z0-9]{12}$"

Sha256 = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
Key = Annotated[str, Field(min_length=8, max_length=64, pattern=r"^[A-Za-z0-9_.:-]+$")]
Node = Annotated[str, Field(max_length=200)]
"""A node of the cluster, by its id."""
T = TypeVar("T")
UpTo1000 = Annotated[tuple[T, ...], Field(max_length=1000), FailFast()]
UpTo10000 = Annotated[tuple[T, ...], Field(max_length=10_000), FailFast()]
"""Lists in requests are bounded, and only their first invalid item is reported: a body of 8 MB
could be wrong in millions of positions."""


class Message(BaseModel):
    """A frozen message; unknown keys are refused."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)


M = TypeVar("M", bound=Message)


def stored(kind: type[M], facts: object) -> M | None:
    """Read what an earlier server has taken; None for nothing, and for what is out of bounds now.

    One value of one job must not keep a list of all jobs from being shown.
    """
    try:
        return None if facts is None else kind.model_validate(facts)
    except ValidationError:
        return None
