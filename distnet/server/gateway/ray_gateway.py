"""A Ray cluster as the server uses it: nodes are listed, attempts are Ray jobs.

Everything goes through the HTTP address of the dashboard. A client of Ray's own protocol would end
this process a minute after the head node is gone.
"""

import logging
import os
import threading
import time
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from distnet.protocol.errors import UnavailableError
from distnet.server.gateway.gateway import (
    AbsentError,
    ProcessStatus,
    Snapshot,
    StartRequest,
)
from distnet.server.gateway.node_groups import NodeGroup
from distnet.server.gateway.ray_nodes import head_address, read_nodes
from distnet.server.gateway.ray_others import Others

if TYPE_CHECKING:
    from distnet.server.gateway.ray_jobs import RayJobs

ADDRESS = "http://127.0.0.1:8265"
ENTRYPOINT = "python -m distnet.agent"
"""The same for all attempts: the Python that the cluster's own processes find first."""
GCS_PORT = 6379
IMPORT_PATIENCE_S = 5.0
DELETED_AT_ONCE = 20

logger = logging.getLogger(__name__)


class RayGateway:
    """A Gateway to the Ray whose dashboard is at `address`; thread-safe.

    The secret of an attempt is in the environment of its Ray job, which the GCS keeps in plain text
    and shows to everyone who has the cluster's token. The agent exchanges it at first contact.

    Args:
        address: such as http://10.0.0.1:8265. Default: RAY_API_SERVER_ADDRESS, or this machine.
        entrypoint: the command to run; the same for all attempts.
        groups: of nodes that Ray's autoscaler adds and removes.
        gcs: the address of Ray's GCS, through which the autoscaler is reached. Default: the head's.
    """

    def __init__(
        self,
        address: str | None = None,
        *,
        entrypoint: str = ENTRYPOINT,
        groups: Sequence[NodeGroup] = (),
        gcs: str | None = None,
    ) -> None:
        self._address = address or os.environ.get("RAY_API_SERVER_ADDRESS") or ADDRESS
        self._entrypoint = entrypoint
        self._groups, self._gcs = groups, gcs
        self._imported = threading.Event()
        self._jobs: RayJobs | None = None
        self._to_delete: dict[str, None] = {}
        self._others = Others()
        self._lock = threading.Lock()
        threading.Thread(target=self._import_ray, name="import-ray", daemon=True).start()

    def snapshot(self) -> Snapshot:
        """List the nodes that are alive; the cluster's id is the name of its session."""
        jobs, seen_at = self._client(), time.time()
        try:
            session = str(jobs.get("/api/version")["session_name"])
            nodes = read_nodes(jobs, self._others.held(jobs, session))
        except (AbsentError, LookupError, TypeError, ValueError) as error:
            raise UnavailableError(
                f"{self._address}: found a response that is not Ray's ({error!r:.200}), expected "
                "the dashboard of a Ray 2.60"
            ) from None
        self._delete_some()
        return Snapshot(session, nodes, seen_at)

    def start(self, request: StartRequest) -> None:
        """Start an attempt; does nothing if one with this id was started before."""
        own = {"DISTNET_SERVER": request.server, "DISTNET_ATTEMPT_SECRET": request.secret}
        try:
            self._client().submit_job(
                entrypoint=self._entrypoint,
                submission_id=request.submission,
                runtime_env={"env_vars": {**request.environment, **own}},
            )
        except UnavailableError:  # known already, or the response was lost
            if self.status(request.submission) is ProcessStatus.ABSENT:
                raise

    def status(self, submission: str) -> ProcessStatus:
        """Get the status of an attempt from Ray: a hint, never the truth."""
        try:
            status = self._client().get_job_status(submission)
        except AbsentError:
            return ProcessStatus.ABSENT
        if status.is_terminal():
            return ProcessStatus.ENDED
        return ProcessStatus.PENDING if status == "PENDING" else ProcessStatus.RUNNING

    def end_message(self, submission: str) -> str:
        """Get Ray's message about how an attempt ended, such as the last lines of its output."""
        try:
            return str(self._client().get_job_info(submission).message or "")
        except AbsentError:
            return ""

    def kill(self, submission: str) -> None:
        """Have Ray kill an attempt: SIGTERM, after 3 s SIGKILL. It has had time to save."""
        try:
            self._client().stop_job(submission)
        except AbsentError:
            return

    def delete(self, submission: str) -> None:
        """Delete an attempt from Ray's table, as soon as its process has ended."""
        with self._lock:
            self._to_delete[submission] = None
        self._delete(submission)

    def scale(self, nodes: Mapping[str, int]) -> Mapping[str, str]:
        """Have Ray's autoscaler keep this many nodes of each group, until the next call."""
        jobs = self._client()
        try:
            gcs = self._gcs or f"{head_address(jobs)}:{GCS_PORT}"
        except (AbsentError, LookupError, TypeError) as error:
            raise UnavailableError(f"{self._address}: found no head ({error!r:.200})") from None
        with jobs.autoscaler(gcs, self._groups) as autoscaler:
            autoscaler.request(nodes)
            return autoscaler.failures()

    def _delete_some(self) -> None:
        """Try again to delete those that could not be deleted yet."""
        with self._lock:
            submissions = list(self._to_delete)[:DELETED_AT_ONCE]
            for submission in submissions:  # to the end of the line: some may never end in Ray
                self._to_delete[submission] = self._to_delete.pop(submission)
        for submission in submissions:
            try:
                self._delete(submission)
            except UnavailableError as error:
                logger.debug("%s is not deleted yet: %s", submission, error)

    def _delete(self, submission: str) -> None:
        try:
            status = self.status(submission)
            if status is ProcessStatus.ENDED:
                self._client().delete_job(submission)
            elif status is not ProcessStatus.ABSENT:
                if status is ProcessStatus.PENDING:  # it need not start any more
                    self._client().stop_job(submission)
                return
        except AbsentError:
            pass
        with self._lock:
            self._to_delete.pop(submission, None)

    def _import_ray(self) -> None:
        try:
            # Importing Ray takes seconds: the server starts without waiting for it.
            from distnet.server.gateway.ray_jobs import RayJobs

            self._jobs = RayJobs(self._address)
        finally:
            self._imported.set()

    def _client(self) -> "RayJobs":
        self._imported.wait(IMPORT_PATIENCE_S)
        if self._jobs is None:
            raise UnavailableError(f"{self._address}: Ray is still being imported")
        return self._jobs
