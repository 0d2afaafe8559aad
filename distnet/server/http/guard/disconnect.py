"""Whether the client of a request is gone, for what would go on without it."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from starlette.types import Receive


@asynccontextmanager
async def watched(receive: Receive) -> AsyncIterator["asyncio.Future[None]"]:
    """Yield a future that is done once the client is gone; `done` may be called by any thread."""
    gone = asyncio.ensure_future(_disconnected(receive))
    try:
        yield gone
    finally:
        gone.cancel()


async def _disconnected(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass
