"""Users, tokens, teams."""

from typing import Annotated

from anyio import to_thread
from fastapi import APIRouter, Path, Response

from distnet.protocol.errors import InvalidError
from distnet.protocol.message import TOKEN_ID
from distnet.protocol.users import (
    BlockRequest,
    BlockResponse,
    TeamMessage,
    TeamsResponse,
    TokenRequest,
    TokenResponse,
    TokensResponse,
    UsersResponse,
    WhoResponse,
)
from distnet.protocol.versions import own_version
from distnet.server.http.parameters import (
    Admin,
    NameInPath,
    Submitter,
    TheAuthenticator,
    TheServer,
    Viewer,
)
from distnet.server.http.responses import json_response
from distnet.server.users.users import user_response

TokenId = Annotated[str, Path(pattern=TOKEN_ID)]

router = APIRouter(prefix="/api/v1", tags=["users"])


@router.get("/whoami", response_model=WhoResponse)
def whoami(server: TheServer, caller: Viewer) -> Response:
    """Get the user of the token."""
    user = caller.user
    return json_response(
        WhoResponse(
            user=user.name,
            role=user.role,
            team=user.team,
            token=caller.token.id,
            server=server.ledger.id,
            version=own_version(),
        )
    )


@router.get("/tokens", response_model=TokensResponse)
def tokens(authenticator: TheAuthenticator, caller: Viewer) -> Response:
    """List one's own tokens; those of all users for an admin."""
    return json_response(TokensResponse(tokens=tuple(authenticator.users.tokens(caller))))


@router.post("/tokens", status_code=201, response_model=TokenResponse)
async def make_token(
    body: TokenRequest, authenticator: TheAuthenticator, caller: Submitter
) -> Response:
    """Create a token for oneself; as an admin for any user, who is created if new."""
    limiter = authenticator.create_limiter  # waiting requests hold no thread
    made = await to_thread.run_sync(authenticator.make, caller, body, limiter=limiter)
    return json_response(made, status=201)


@router.delete("/tokens/{id}", response_model=TokenResponse)
def revoke_token(id: TokenId, authenticator: TheAuthenticator, caller: Submitter) -> Response:
    """Revoke a token."""
    return json_response(authenticator.revoke(caller, id))


@router.get("/users", response_model=UsersResponse)
def users(authenticator: TheAuthenticator, _: Admin) -> Response:
    """List all users."""
    return json_response(UsersResponse(users=tuple(authenticator.users.users())))


@router.post("/users/{name}/block", response_model=BlockResponse)
def block(
    name: NameInPath,
    body: BlockRequest,
    authenticator: TheAuthenticator,
    server: TheServer,
    caller: Admin,
) -> Response:
    """Refuse all requests of a user; hold the waiting jobs, or cancel all open ones."""
    blocked = user_response(authenticator.block(caller, name, body.reason))
    return json_response(server.block_jobs(caller.user, blocked, cancel=body.cancel))


@router.post("/users/{name}/unblock", response_model=BlockResponse)
def unblock(
    name: NameInPath, authenticator: TheAuthenticator, server: TheServer, caller: Admin
) -> Response:
    """Accept the requests of a user again."""
    return json_response(server.jobs_of(user_response(authenticator.unblock(caller, name))))


@router.get("/teams", response_model=TeamsResponse)
def teams(server: TheServer, _: Viewer) -> Response:
    """List the teams that have a weight, quota or limit."""
    return json_response(TeamsResponse(teams=tuple(server.teams())))


@router.put("/teams/{name}", response_model=TeamMessage)
def save_team(name: NameInPath, team: TeamMessage, server: TheServer, caller: Admin) -> Response:
    """Set the weight, quota and limit of a team."""
    if team.name != name:
        raise InvalidError(f"name: found {team.name!r}, expected {name!r}, as in the path")
    return json_response(server.save_team(caller.user, team))
