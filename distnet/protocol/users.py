"""Users, tokens, teams."""

from typing import Annotated, Literal

from pydantic import Field

from distnet.protocol.message import Message
from distnet.spec.sections.section import Name


class WhoAnswer(Message):
    """Who the token belongs to."""

    user: str
    role: str
    team: str
    token: str
    """Its public part."""
    server: str
    """The ledger's id."""
    version: str


class TokenRequest(Message):
    """Make a token, for oneself or (an admin) for somebody else, who is created if new."""

    user: Name | None = None
    role: Literal["viewer", "submitter", "admin"] | None = None
    change_role: bool = False
    """Whether somebody who is known gets this role from now on; else it must be theirs."""
    team: Name | None = None
    note: Annotated[str, Field(max_length=200, pattern=r"^[^\x00-\x1f\x7f]*$")] = ""
    expires_at: Annotated[float, Field(allow_inf_nan=False)] | None = None


class TokenAnswer(Message):
    """A token; the secret is shown once."""

    id: str
    user: str
    role: str
    note: str
    created_at: float
    expires_at: float | None
    revoked_at: float | None
    used_at: float | None
    secret: str | None = None


class TokensAnswer(Message):
    """One's own tokens; everybody's for an admin."""

    tokens: tuple[TokenAnswer, ...]


class UserAnswer(Message):
    """Somebody who has tokens."""

    name: str
    role: str
    team: str
    created_at: float


class UsersAnswer(Message):
    """Everybody, by name."""

    users: tuple[UserAnswer, ...]


class TeamMessage(Message):
    """The entitlements of a team; null is without limit."""

    name: Name
    weight: Annotated[float, Field(gt=0, allow_inf_nan=False)] = 1.0
    quota_cpus: Annotated[float, Field(ge=0, allow_inf_nan=False)] | None = None
    quota_gpus: Annotated[float, Field(ge=0, allow_inf_nan=False)] | None = None
    limit_cpus: Annotated[float, Field(ge=0, allow_inf_nan=False)] | None = None
    limit_gpus: Annotated[float, Field(ge=0, allow_inf_nan=False)] | None = None


class TeamsAnswer(Message):
    """All teams, by name."""

    teams: tuple[TeamMessage, ...]
