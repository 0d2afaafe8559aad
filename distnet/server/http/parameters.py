"""Parameters of routes: the server, and a caller with the required role."""

from collections.abc import Awaitable, Callable
from typing import Annotated

from fastapi import Depends, Path, Query, Request
from fastapi.security import HTTPBearer

from distnet.protocol.errors import ForbiddenError, UnauthenticatedError
from distnet.protocol.numbers import NumberInQuery
from distnet.server.http.guard.drafts import Drafts
from distnet.server.http.log_followers import LogFollowers
from distnet.server.ledger.records import Role
from distnet.server.server import Server
from distnet.server.users.authenticator import Authenticator
from distnet.server.users.users import Caller
from distnet.spec.sections.section import NAME

RANK = {role: rank for rank, role in enumerate(Role)}

described = HTTPBearer(auto_error=False, description="A token, or the secret of an attempt.")
"""For the description of the API; the checks are in `access.py` and below."""


def require(role: Role) -> Callable[[Request], Awaitable[Caller]]:
    """Make the dependency that checks the role of the caller."""

    async def check(request: Request) -> Caller:
        caller = getattr(request.state, "caller", None)
        if not isinstance(caller, Caller):
            raise UnauthenticatedError("found no token, expected `Authorization: Bearer`")
        require_role(caller, role)
        return caller

    return check


def require_role(caller: Caller, role: Role) -> None:
    """Refuse a caller with less than a role.

    Raises:
        ForbiddenError: `role`.
    """
    if RANK[caller.user.role] < RANK[role]:
        raise ForbiddenError(
            f"{caller.user.name} is a {caller.user.role}; this requires the role {role}",
            code="role",
        )


async def _server(request: Request) -> Server:
    server: Server = request.app.state.server
    return server


async def _authenticator(request: Request) -> Authenticator:
    authenticator: Authenticator = request.app.state.authenticator
    return authenticator


async def _followers(request: Request) -> LogFollowers:
    followers: LogFollowers = request.app.state.followers
    return followers


async def _drafts(request: Request) -> Drafts:
    drafts: Drafts = request.app.state.drafts
    return drafts


async def _secret(request: Request) -> str:
    return request.headers.get("authorization", "").partition(" ")[2].strip()


TheServer = Annotated[Server, Depends(_server)]
TheAuthenticator = Annotated[Authenticator, Depends(_authenticator)]
TheDrafts = Annotated[Drafts, Depends(_drafts)]
TheFollowers = Annotated[LogFollowers, Depends(_followers)]
Viewer = Annotated[Caller, Depends(require(Role.VIEWER))]
Submitter = Annotated[Caller, Depends(require(Role.SUBMITTER))]
Admin = Annotated[Caller, Depends(require(Role.ADMIN))]
Secret = Annotated[str, Depends(_secret)]
"""Of an attempt."""

Offset = Annotated[NumberInQuery, Query()]
Sha256InPath = Annotated[str, Path(pattern=r"^[0-9a-f]{64}$")]
NameInPath = Annotated[str, Path(pattern=NAME)]
