"""Refuses clients with another distnet before anything is done, and says which one this is."""

from starlette.datastructures import Headers
from starlette.types import Message, Send

from distnet.protocol.errors import OtherVersionError
from distnet.protocol.versions import HEADER, is_compatible, own_version

NAME = HEADER.lower().encode()


def require_version(headers: Headers) -> None:
    """Refuse a client of another version; programs that say nothing of theirs are let in.

    Raises:
        OtherVersionError: it has another one.
    """
    found, own = headers.get(HEADER), own_version()
    if found is not None and not is_compatible(found, own):
        raise OtherVersionError(f"found a client with distnet {found[:40]}, expected {own}")


def with_version(send: Send) -> Send:
    """Respond with the version of this server."""

    async def send_with_version(message: Message) -> None:
        if message["type"] == "http.response.start":
            message["headers"] = [*message["headers"], (NAME, own_version().encode())]
        await send(message)

    return send_with_version
