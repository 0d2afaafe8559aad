"""A Ray cluster as the server uses it: nodes are looked at, attempts are Ray jobs.

Everything goes over the dashboard's HTTP address. A client of Ray's own protocol would end this
process a minute after the head is gone.
"""

import logging
import os
import threading
import time
from typing import TYPE_CHECKING

from distnet.protocol.errors import UnavailableError
from distnet.server.gateway.gateway import Order, Sight, Snapshot
from distnet.server.gateway.ray_nodes import Held, held_by_others, read_nodes

if TYPE_CHECKING:
    from distnet.server.gateway.ray_jobs import RayJobs

ADDRESS = "http://127.0.0.1:8265"
ENTRYPOINT = "python -m distnet.agent"
"""The same for all attempts: that Python which the cluster's own processes find first."""
IMPORT_PATIENCE_S = 5.0
FORGOTTEN_AT_ONCE = 20
OTHERS_EVERY_S = 5.0

logger = logging.getLogger(__name__)


class RayGateway:
    """A Gateway to the Ray whose dashboard is at `address`; its methods may be called in threads.

    The secret of an attempt goes through Ray's environment, which its GCS keeps in plain text and
    shows to whoever has the cluster's token. It is good for reports of that one attempt alone.

    Args:
        address: such as http://10.0.0.1:8265. Default: RAY_API_SERVER_ADDRESS, or this machine.
        entrypoint: what is run; the same for all attempts.
    """

    def __init__(self, address: str | None = None, *, entrypoint: str = ENTRYPOINT) -> None:
        self._address = address or os.environ.get("RAY_API_SERVER_ADDRESS") or ADDRESS
        self._entrypoint = entrypoint
        self._connected = threading.Event()
        self._jobs: RayJobs | None = None
        self._to_forget: dict[str, None] = {}
        self._others: Held = {}
        self._others_looked = -OTHERS_EVERY_S
        self._lock = threading.Lock()
        threading.Thread(target=self._connect, name="import-ray", daemon=True).start()

    def look(self) -> Snapshot:
        """The nodes that are alive; the cluster's id is the name of its session."""
        from distnet.server.gateway.ray_jobs import NotThereError

        jobs, seen_at = self._client(), time.time()
        try:
            session = str(jobs.ask("/api/version")["session_name"])
            nodes = read_nodes(jobs, self._held_by_others(jobs))
        except (NotThereError, LookupError, TypeError, ValueError) as error:
            raise UnavailableError(
                f"{self._address}: found an answer that is not Ray's ({error!r:.200}); give the "
                "address of the dashboard of a Ray 2.60"
            ) from None
        self._forget_some()
        return Snapshot(session, nodes, seen_at)

    def start(self, order: Order) -> None:
        """Begin an attempt; one with this id that was begun before is left as it is."""
        own = {"DISTNET_SERVER": order.server, "DISTNET_ATTEMPT_SECRET": order.secret}
        try:
            self._client().submit_job(
                entrypoint=self._entrypoint,
                submission_id=order.submission,
                runtime_env={"env_vars": {**order.environment, **own}},
            )
        except UnavailableError:  # refused as known already, or the answer was lost
            if self.sight(order.submission) is Sight.ABSENT:
                raise

    def sight(self, submission: str) -> Sight:
        """What Ray says of an attempt: a hint, never the truth."""
        from distnet.server.gateway.ray_jobs import NotThereError

        try:
            status = self._client().get_job_status(submission)
        except NotThereError:
            return Sight.ABSENT
        if status.is_terminal():
            return Sight.ENDED
        return Sight.PENDING if status == "PENDING" else Sight.RUNNING

    def last_words(self, submission: str) -> str:
        """What Ray says of how an attempt ended, such as the last lines that it printed."""
        from distnet.server.gateway.ray_jobs import NotThereError

        try:
            return str(self._client().get_job_info(submission).message or "")
        except NotThereError:
            return ""

    def end(self, submission: str) -> None:
        """Have Ray kill an attempt: SIGTERM, after 3 s SIGKILL; saving was asked for before."""
        from distnet.server.gateway.ray_jobs import NotThereError

        try:
            self._client().stop_job(submission)
        except NotThereError:
            return

    def forget(self, submission: str) -> None:
        """Remove an attempt from Ray's table; one whose process still ends, a little later."""
        with self._lock:
            self._to_forget[submission] = None
        self._forget(submission)

    def _held_by_others(self, jobs: "RayJobs") -> Held:
        """What others hold: a few seconds old, because it takes three questions."""
        now = time.monotonic()
        if now - self._others_looked > OTHERS_EVERY_S:
            self._others = held_by_others(jobs)
            self._others_looked = now  # not before: without an answer nothing is known of them
        return self._others

    def _forget_some(self) -> None:
        """Try again those that could not be removed yet."""
        with self._lock:
            submissions = list(self._to_forget)[:FORGOTTEN_AT_ONCE]
            for submission in submissions:  # to the end of the line: some may never end in Ray
                self._to_forget[submission] = self._to_forget.pop(submission)
        for submission in submissions:
            try:
                self._forget(submission)
            except UnavailableError as error:
                logger.debug("%s is not forgotten yet: %s", submission, error)

    def _forget(self, submission: str) -> None:
        from distnet.server.gateway.ray_jobs import NotThereError

        try:
            sight = self.sight(submission)
            if sight is Sight.ENDED:
                self._client().delete_job(submission)
            elif sight is not Sight.ABSENT:
                if sight is Sight.PENDING:  # it need not begin any more
                    self._client().stop_job(submission)
                return
        except NotThereError:
            pass
        with self._lock:
            self._to_forget.pop(submission, None)

    def _connect(self) -> None:
        """Import Ray, which nobody needs to wait for."""
        try:
            from distnet.server.gateway.ray_jobs import RayJobs

            self._jobs = RayJobs(self._address)
        finally:
            self._connected.set()

    def _client(self) -> "RayJobs":
        self._connected.wait(IMPORT_PATIENCE_S)
        if self._jobs is None:
            raise UnavailableError(f"{self._address}: Ray is still being imported")
        return self._jobs
