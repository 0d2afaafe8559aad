"""Links that a browser can open: a frame or a tab sends no token.

A link is a random number that the server gives to a caller who may read what it leads to. It leads
there for a minute, and is known to this process only. Source: signed URLs of object stores.
"""

import secrets
import time
from collections import OrderedDict
from collections.abc import Callable

from distnet.protocol.errors import NotFoundError

VALID_S = 60.0
MOST_LINKS = 10_000


class Links:
    """Gives links to jobs, and says which job one leads to; used by the event loop only."""

    def __init__(self, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._monotonic = monotonic
        self._given: OrderedDict[str, tuple[str, float]] = OrderedDict()

    def give(self, job: str) -> str:
        """Make a link that leads to this job."""
        now = self._monotonic()
        while self._given and (next(iter(self._given.values()))[1] < now or self._is_full):
            self._given.popitem(last=False)
        link = secrets.token_urlsafe(32)
        self._given[link] = (job, now + VALID_S)
        return link

    def job(self, link: str) -> str:
        """The job that a link leads to.

        Raises:
            NotFoundError: there is no such link, or it is no longer valid.
        """
        job, until = self._given.get(link, ("", 0.0))
        if until < self._monotonic():
            raise NotFoundError("this link is no longer valid; open the page of the job again")
        return job

    @property
    def _is_full(self) -> bool:
        return len(self._given) >= MOST_LINKS
