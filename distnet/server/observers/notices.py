"""Notices of the ends of jobs, by mail or chat. Off unless the settings name a file of addresses.

They are tried a few times while the server runs; those that are still waiting when it ends are
dropped. Only the file of addresses holds passwords and tokens: neither the ledger nor the log does.
"""

import logging
import queue
import threading

from distnet.notices.notifier import Address, Notice
from distnet.protocol.jobs import JobResponse
from distnet.protocol.states import JobState
from distnet.server.ledger.records import EventRecord
from distnet.server.observers.ends import Ends, FindJob
from distnet.spec.metric import Metric
from distnet.spec.plural import counted

PAUSES_S = (1.0, 10.0, 60.0)
MOST_WAITING = 1_000

logger = logging.getLogger(__name__)


class NoticeSender:
    """Sends a notice to each address when a job ends, in a thread of its own."""

    def __init__(
        self,
        addresses: tuple[Address, ...],
        find: FindJob,
        *,
        pauses_s: tuple[float, ...] = PAUSES_S,
    ) -> None:
        self._addresses, self._ends, self._pauses_s = addresses, Ends(find), pauses_s
        self._waiting: queue.Queue[Notice] = queue.Queue(MOST_WAITING)
        self._is_closed = threading.Event()
        self._thread = threading.Thread(target=self._run, name="notices", daemon=True)

    def start(self) -> None:
        """Start to send."""
        self._thread.start()

    def close(self) -> None:
        """End; a notice that is being sent is given up after its timeout."""
        self._is_closed.set()

    def read(self, event: EventRecord) -> None:
        """Take an event; if a job has ended, send a notice."""
        job = self._ends.of(event)
        if job is None:
            return
        try:
            self._waiting.put_nowait(notice_of(job))
        except queue.Full:
            logger.warning("too many notices wait; that of %s is dropped", job.name)

    def _run(self) -> None:
        while not self._is_closed.is_set():
            try:
                notice = self._waiting.get(timeout=1.0)
            except queue.Empty:
                continue
            for address in self._addresses:
                self._deliver(address, notice)

    def _deliver(self, address: Address, notice: Notice) -> None:
        for pause in (*self._pauses_s, None):
            if address.send(notice):
                return
            if pause is None or self._is_closed.wait(pause):
                break
        where = f"{address.service} ({address.location})"
        logger.warning("%s did not take the notice that %s", where, notice.title)


def notice_of(job: JobResponse) -> Notice:
    """The notice of a job that has ended."""
    done = [] if job.step is None else [counted(job.step, "step")]
    seconds = None if job.started_at is None else (job.ended_at or 0.0) - job.started_at
    took = [] if seconds is None else [f"{seconds / 60:.1f} minutes after its start"]
    lines = [
        f"a job of {job.owner}",
        ", ".join([*done, *took]),
        _headline(job),
        job.error or job.reason,
    ]
    is_failure = job.state is JobState.FAILED
    text = "\n".join(filter(None, lines))
    return Notice(f"{job.name} {job.state.value}", text, is_failure=is_failure)


def _headline(job: JobResponse) -> str:
    """Write `test accuracy 95.88%`; empty before the first evaluation."""
    headline = job.headline
    value = job.metrics.get(headline.name) if headline else None
    if headline is None or value is None:
        return ""
    metric = Metric(headline.name, format=headline.format, direction=headline.direction)
    return f"{job.split or ''} {metric.name} {metric.text(value)}".strip()
