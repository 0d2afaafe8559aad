"""Accounting."""

from typing import Annotated

from fastapi import APIRouter, Query, Response
from pydantic import AfterValidator, Field

from distnet.protocol.message import Message
from distnet.protocol.numbers import TimeInQuery
from distnet.protocol.usage import By, UsageResponse
from distnet.server.http.parameters import TheServer, Viewer
from distnet.server.http.responses import json_response
from distnet.server.views.listing import MAX_LIMIT
from distnet.server.views.usage import UsageFilter
from distnet.spec.sections.section import NAME

NameInQuery = Annotated[str | None, Field(pattern=NAME)]


def _once(by: tuple[By, ...]) -> tuple[By, ...]:
    return tuple(dict.fromkeys(by))


class UsageQuery(Message):
    """Which hours to sum, and by what."""

    by: Annotated[tuple[By, ...], Field(min_length=1, max_length=4), AfterValidator(_once)] = (
        "user",
    )
    since: TimeInQuery | None = None
    until: TimeInQuery | None = None
    user: NameInQuery = None
    team: NameInQuery = None
    limit: Annotated[int, Field(ge=1, le=MAX_LIMIT)] = 100


router = APIRouter(prefix="/api/v1", tags=["usage"])


@router.get("/usage", response_model=UsageResponse)
def usage(query: Annotated[UsageQuery, Query()], server: TheServer, caller: Viewer) -> Response:
    """Sum the CPU and GPU hours of jobs: one's own; those of all users for an admin."""
    return json_response(server.usage(caller.user, UsageFilter(**dict(query))))
