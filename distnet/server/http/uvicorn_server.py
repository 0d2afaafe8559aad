"""The HTTP server: uvicorn, which shuts down gracefully, also when the lead is lost."""

import asyncio
import logging
import socket
import threading
from collections.abc import Callable
from functools import partial
from types import FrameType

import uvicorn
from fastapi import FastAPI

from distnet.errors import DistnetError
from distnet.protocol.errors import ServerError
from distnet.server.http.guard.fair_listener import FairListener
from distnet.server.http.guard.protocol import GuardedProtocol
from distnet.server.ledger import Ledger

CHECK_LEAD_EVERY_S = 2.0
GRACE_S = 5
"""For requests that are being served when the server ends."""
IDLE_S = 60
TICKS = 10
"""Of uvicorn's main loop, about a second: how often connections are checked."""

logger = logging.getLogger(__name__)


class HttpServer(uvicorn.Server):
    """Serves requests until a signal arrives or the lead is lost."""

    def __init__(self, app: FastAPI, ledger: Ledger) -> None:
        super().__init__(
            uvicorn.Config(
                app,
                ws="none",
                lifespan="off",
                log_config=None,
                access_log=False,
                server_header=False,
                proxy_headers=False,  # only those of a stated proxy count, see app.py
                timeout_keep_alive=IDLE_S,
                timeout_graceful_shutdown=GRACE_S,
            )
        )
        self._followers = app.state.followers
        self._guard = app.state.guard
        self._ledger = ledger
        self._ready: Callable[[], None] = lambda: None
        self._has_ended = threading.Event()
        self._has_lost_lead = False

    def run_on(self, listener: socket.socket, ready: Callable[[], None]) -> None:
        """Serve requests at `listener`; call `ready` when the first ones are accepted.

        Raises:
            DistnetError: another server leads the ledger now.
        """
        self._ready = ready
        watch = threading.Thread(target=self._watch_lead, name="lead", daemon=True)
        watch.start()
        try:
            self.run(sockets=[listener])
        finally:
            self._has_ended.set()
        if self._has_lost_lead:
            raise DistnetError("another server leads the ledger now; this one has ended")

    def end(self) -> None:
        """Respond to waiting requests, then end."""
        self.should_exit = True
        self._followers.close()

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Listen with `FairListener` where uvicorn would with asyncio's own, and report it."""
        await self.lifespan.startup()
        assert sockets is not None
        make_protocol = partial(
            GuardedProtocol,
            self._guard,
            config=self.config,
            server_state=self.server_state,
            app_state=self.lifespan.state,
        )
        self.servers = [FairListener(one, make_protocol, self._guard) for one in sockets]  # type: ignore[misc]
        self.started = True
        self._ready()

    async def on_tick(self, counter: int) -> bool:
        """End what takes too long on any connection."""
        if counter % TICKS == 0:
            now = asyncio.get_running_loop().time()
            for connection in list(self.server_state.connections):
                connection.check(now)  # type: ignore[union-attr]
        return await super().on_tick(counter)

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:  # noqa: ARG002
        """Shut down gracefully; at a second signal at once. The process then cleans up."""
        self.force_exit = self.should_exit
        self.end()

    def _watch_lead(self) -> None:
        """End when the lead is lost: the state in memory may be out of date."""
        while not self._has_ended.wait(CHECK_LEAD_EVERY_S):
            try:
                if self._ledger.still_leads():
                    continue
            except ServerError as error:
                logger.warning("cannot check whether this server still leads: %s", error)
                continue
            self._has_lost_lead = True
            self.end()
            return
