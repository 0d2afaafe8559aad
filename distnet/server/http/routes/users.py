"""Users, tokens, teams."""

from functools import cache
from importlib.metadata import PackageNotFoundError, version
from typing import Annotated

from anyio import to_thread
from fastapi import APIRouter, Path, Response

from distnet.protocol.errors import InvalidError
from distnet.protocol.message import TOKEN_ID
from distnet.protocol.users import (
    TeamMessage,
    TeamsAnswer,
    TokenAnswer,
    TokenRequest,
    TokensAnswer,
    UsersAnswer,
    WhoAnswer,
)
from distnet.server.http.depends import (
    Admin,
    NameInPath,
    Submitter,
    TheAuthenticator,
    TheServer,
    Viewer,
)
from distnet.server.http.responses import answer

TokenId = Annotated[str, Path(pattern=TOKEN_ID)]

router = APIRouter(prefix="/api/v1", tags=["people"])


@router.get("/whoami", response_model=WhoAnswer)
def whoami(server: TheServer, caller: Viewer) -> Response:
    """Tell whose token this is."""
    user = caller.user
    return answer(
        WhoAnswer(
            user=user.name,
            role=user.role,
            team=user.team,
            token=caller.token.id,
            server=server.ledger.id,
            version=_version(),
        )
    )


@router.get("/tokens", response_model=TokensAnswer)
def tokens(authenticator: TheAuthenticator, caller: Viewer) -> Response:
    """List one's own tokens; everybody's for an admin."""
    return answer(TokensAnswer(tokens=tuple(authenticator.people.tokens(caller))))


@router.post("/tokens", status_code=201, response_model=TokenAnswer)
async def make_token(
    asked: TokenRequest, authenticator: TheAuthenticator, caller: Submitter
) -> Response:
    """Make a token for oneself; an admin may for anybody, and make users so."""
    limiter = authenticator.making  # who has to wait holds no thread
    made = await to_thread.run_sync(authenticator.make, caller, asked, limiter=limiter)
    return answer(made, status=201)


@router.delete("/tokens/{id}", response_model=TokenAnswer)
def revoke_token(id: TokenId, authenticator: TheAuthenticator, caller: Submitter) -> Response:
    """Make a token worthless."""
    return answer(authenticator.revoke(caller, id))


@router.get("/users", response_model=UsersAnswer)
def users(authenticator: TheAuthenticator, _: Admin) -> Response:
    """List everybody who has tokens."""
    return answer(UsersAnswer(users=tuple(authenticator.people.users())))


@router.get("/teams", response_model=TeamsAnswer)
def teams(server: TheServer, _: Viewer) -> Response:
    """List the teams that have entitlements."""
    return answer(TeamsAnswer(teams=tuple(server.teams())))


@router.put("/teams/{name}", response_model=TeamMessage)
def save_team(name: NameInPath, team: TeamMessage, server: TheServer, caller: Admin) -> Response:
    """Give a team a weight, a quota, a limit."""
    if team.name != name:
        raise InvalidError(f"name: found {team.name!r}, expected {name!r}, as in the address")
    return answer(server.save_team(caller.user, team))


@cache
def _version() -> str:
    try:
        return version("distnet")
    except PackageNotFoundError:
        return "unknown"
