"""The ends of jobs among the events of the log, each once."""

import logging
from collections.abc import Callable

from distnet.protocol.errors import ServerError
from distnet.protocol.jobs import JobResponse
from distnet.server.ledger.records import EventRecord

KINDS = frozenset(("ended", "cancel", "stop", "stopped-early"))
MOST_REMEMBERED = 10_000

FindJob = Callable[[str], JobResponse]
"""Finds a job by its name."""

logger = logging.getLogger(__name__)


class Ends:
    """Finds the job that an event has ended."""

    def __init__(self, find: FindJob) -> None:
        self._find = find
        self._seen: dict[str, float | None] = {}

    def of(self, event: EventRecord) -> JobResponse | None:
        """The job that has ended; None of other events, and of the second one of an end."""
        if event.kind not in KINDS or event.job is None:
            return None
        try:
            job = self._find(event.job)
        except ServerError as error:
            logger.warning("cannot send the end of %s: %s", event.job, error)
            return None
        if not job.state.is_terminal or self._seen.get(job.name) == job.ended_at:
            return None
        self._remember(job)
        return job

    def _remember(self, job: JobResponse) -> None:
        """Remember what was sent: a stop makes two events, but is one end."""
        if len(self._seen) >= MOST_REMEMBERED:
            self._seen.pop(next(iter(self._seen)))
        self._seen[job.name] = job.ended_at
