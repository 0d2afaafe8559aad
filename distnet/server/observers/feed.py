"""Follow the event log, and pass new events to readers: Prometheus, webhooks.

Everything that happens is in the log, so the code that makes it happen need not know any reader.
"""

import logging
import threading
from collections.abc import Callable, Sequence

from distnet.protocol.errors import ServerError
from distnet.server.ledger import Ledger, events
from distnet.server.ledger.records import EventRecord

EVERY_S = 1.0
AT_ONCE = 1000

logger = logging.getLogger(__name__)


class Feed:
    """Reads the log, from its end at the time when the feed is made."""

    def __init__(self, ledger: Ledger, readers: Sequence[Callable[[EventRecord], None]]) -> None:
        self._ledger = ledger
        self._readers = readers
        self._is_closed = threading.Event()
        self._thread = threading.Thread(target=self._run, name="feed", daemon=True)
        with ledger.reading() as tx:
            self._after = events.last_number(tx)

    def start(self) -> None:
        """Start to follow, in a thread."""
        self._thread.start()

    def close(self) -> None:
        """Pass on the last events, and end."""
        self._is_closed.set()
        self._thread.join()

    def catch_up(self) -> None:
        """Pass on all new events.

        Raises:
            UnavailableError: the ledger cannot be reached.
        """
        while True:
            with self._ledger.reading() as tx:
                found = events.read_events(tx, after=self._after, limit=AT_ONCE)
            for event in found:
                self._pass_on(event)
                self._after = event.number
            if len(found) < AT_ONCE:
                return

    def _pass_on(self, event: EventRecord) -> None:
        """Pass an event to all readers; an error of one reader affects no other."""
        for read in self._readers:
            try:
                read(event)
            except Exception:
                logger.exception("a reader failed at event %d (%s)", event.number, event.kind)

    def _run(self) -> None:
        is_last = False
        while not is_last:
            is_last = self._is_closed.wait(EVERY_S)
            try:
                self.catch_up()
            except ServerError as error:
                logger.warning("cannot follow the event log: %s", error)
            except Exception:
                logger.exception("cannot follow the event log")
