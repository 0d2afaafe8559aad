"""Users, tokens, teams."""

from typing import Annotated, Literal

from pydantic import Field, Strict

from distnet.protocol.message import Message
from distnet.protocol.numbers import Amount, Flag, Time
from distnet.spec.sections.section import Name


class WhoResponse(Message):
    """The user of the token."""

    user: str
    role: str
    team: str
    token: str
    """Its public part."""
    server: str
    """The ledger's id."""
    version: str


class TokenRequest(Message):
    """Create a token for oneself, or as an admin for another user, who is created if new."""

    user: Name | None = None
    role: Literal["viewer", "submitter", "admin"] | None = None
    change_role: Flag = False
    """Whether to give an existing user this role; otherwise it must be the role that they have."""
    team: Name | None = None
    note: Annotated[str, Field(max_length=200, pattern=r"^[^\x00-\x1f\x7f]*$")] = ""
    expires_at: Time | None = None


class TokenResponse(Message):
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


class TokensResponse(Message):
    """The tokens of the caller; those of all users for an admin."""

    tokens: tuple[TokenResponse, ...]


class UserResponse(Message):
    """A user."""

    name: str
    role: str
    team: str
    created_at: float
    blocked_at: float | None = None
    """Since when requests of this user are refused; null: they are not."""
    blocked_by: str | None = None
    blocked_for: str | None = None
    """The reason that was given."""


class BlockRequest(Message):
    """Refuse all requests of a user."""

    reason: Annotated[str, Field(max_length=200, pattern=r"^[^\x00-\x1f\x7f]*$")] = ""
    cancel: Flag = False
    """Whether to cancel the user's open jobs; otherwise waiting ones are held, others go on."""


class BlockResponse(Message):
    """A user who was blocked or unblocked, and what became of the open jobs."""

    user: UserResponse
    held: tuple[str, ...] = ()
    """Jobs that wait, and do not start before they are released."""
    going_on: tuple[str, ...] = ()
    """Jobs that go on."""
    cancelled: tuple[str, ...] = ()
    paused: tuple[str, ...] = ()
    """Recurring jobs that submit nothing while their owner is blocked."""


class UsersResponse(Message):
    """All users, by name."""

    users: tuple[UserResponse, ...]


class TeamMessage(Message):
    """The weight, quota and limit of a team; null means unlimited."""

    name: Name
    weight: Annotated[float, Strict(), Field(gt=0, le=1e9, allow_inf_nan=False)] = 1.0
    quota_cpus: Amount | None = None
    quota_gpus: Amount | None = None
    limit_cpus: Amount | None = None
    limit_gpus: Amount | None = None


class TeamsResponse(Message):
    """All teams, by name."""

    teams: tuple[TeamMessage, ...]
