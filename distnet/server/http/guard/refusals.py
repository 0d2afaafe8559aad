"""What the operator sees of refused requests: a counter for each limit, few lines of the log."""

import logging
from collections import Counter
from collections.abc import Callable

from distnet.protocol.errors import ServerError
from distnet.server.http.guard.rate_limit import RateLimiter

OF_LIMITS = (400, 408, 413, 414, 429, 431, 503)
"""400 is what is not HTTP."""
LINES_PER_S = 0.1
LONGEST_TEXT = 300

logger = logging.getLogger(__name__)


class Refusals:
    """Counts refusals by their code; logs one of each kind in ten seconds, with their number.

    Args:
        count: called with the code of each.
    """

    def __init__(self, count: Callable[[str], None]) -> None:
        self._count = count
        self._lines = RateLimiter(LINES_PER_S, burst=1)
        self._unlogged: Counter[str] = Counter()

    def note(self, error: ServerError) -> None:
        """Count an error, if a limit is its reason."""
        if error.status not in OF_LIMITS:
            return
        code = error.code
        self._count(code)
        if self._lines.take(code) > 0:
            self._unlogged[code] += 1
            return
        more = self._unlogged.pop(code, 0)
        since = f" ({more:,} more since the last such line)" if more else ""
        logger.warning("refused, %s: %.*s%s", code, LONGEST_TEXT, error, since)
