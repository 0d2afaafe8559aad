"""What routes need: the server, and a caller whose role suffices. Named once, used by all."""

from collections.abc import Awaitable, Callable
from typing import Annotated

from fastapi import Depends, Path, Request
from fastapi.security import HTTPBearer

from distnet.protocol.errors import ForbiddenError, UnauthenticatedError
from distnet.server.http.followers import Followers
from distnet.server.ledger.records import Role
from distnet.server.server import Server
from distnet.server.users.authenticator import Authenticator
from distnet.server.users.users import Caller
from distnet.spec.sections.section import NAME

RANK = {role: rank for rank, role in enumerate(Role)}

described = HTTPBearer(auto_error=False, description="A token, or the secret of an attempt.")
"""For the API's description; the check itself is in `gate.py` and below."""


def require(role: Role) -> Callable[[Request], Awaitable[Caller]]:
    """Make the check that a caller may do what `role` may."""

    async def check(request: Request) -> Caller:
        caller = getattr(request.state, "caller", None)
        if not isinstance(caller, Caller):
            raise UnauthenticatedError("found no token")
        require_role(caller, role)
        return caller

    return check


def require_role(caller: Caller, role: Role) -> None:
    """Refuse a caller who may not do what `role` may.

    Raises:
        ForbiddenError: `role`.
    """
    if RANK[caller.user.role] < RANK[role]:
        raise ForbiddenError(
            f"{caller.user.name} is a {caller.user.role}; this needs the role {role}",
            code="role",
        )


async def _server(request: Request) -> Server:
    server: Server = request.app.state.server
    return server


async def _gatekeeper(request: Request) -> Authenticator:
    authenticator: Authenticator = request.app.state.authenticator
    return authenticator


async def _followers(request: Request) -> Followers:
    followers: Followers = request.app.state.followers
    return followers


async def _secret(request: Request) -> str:
    return request.headers.get("authorization", "").partition(" ")[2].strip()


TheServer = Annotated[Server, Depends(_server)]
TheAuthenticator = Annotated[Authenticator, Depends(_gatekeeper)]
TheFollowers = Annotated[Followers, Depends(_followers)]
Viewer = Annotated[Caller, Depends(require(Role.VIEWER))]
Submitter = Annotated[Caller, Depends(require(Role.SUBMITTER))]
Admin = Annotated[Caller, Depends(require(Role.ADMIN))]
Secret = Annotated[str, Depends(_secret)]
"""Of an attempt."""

NameInPath = Annotated[str, Path(pattern=NAME)]
Text = r"^[^\x00-\x1f\x7f]*$"
