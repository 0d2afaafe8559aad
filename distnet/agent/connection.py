"""The agent's HTTP connection to the server, with a secret that is valid for one attempt."""

import hashlib
import logging
import secrets
import socket
import time
from collections.abc import Callable
from http import HTTPStatus
from typing import TypeVar

import httpx
from pydantic import ValidationError

from distnet.errors import DataError
from distnet.protocol.attempt import AttemptConfig, Instructions, Report, SecretRequest
from distnet.protocol.message import Message
from distnet.protocol.versions import HEADER, UNKNOWN, is_same, own_version
from distnet.spec.reading.validation import first_fault

TIMEOUT = httpx.Timeout(20.0, connect=5.0)
STALE = "stale_attempt"
FIRST_WAIT_S = 0.2
LONGEST_WAIT_S = 5.0
PATIENCE_S = 86_400.0
NO_DATASET = (
    "the server does not have the dataset of this job any more; upload it again: distnet data push "
    "FOLDER, then: distnet retry JOB"
)
M = TypeVar("M", bound=Message)
T = TypeVar("T")

logger = logging.getLogger(__name__)


class UnreachableError(Exception):
    """The server cannot be reached, or does not respond as it should; try again."""


class OtherVersionError(Exception):
    """This node has another distnet than the server."""


class AttemptOverError(Exception):
    """The server has ended this attempt: a newer one has replaced it, or the job has ended."""


class Connection:
    """Sends requests; every call returns a response, or raises one of the errors above.

    Args:
        server: its address, as in http://10.0.0.1:8270.
        secret: of this attempt.
    """

    def __init__(self, server: str, secret: str) -> None:
        self._server = server.rstrip("/")
        headers = {"Authorization": f"Bearer {secret}"}
        self._own_secret = secrets.token_urlsafe(32)
        # The server is in the cluster's own network: a proxy for outgoing traffic cannot reach it.
        self._http = httpx.Client(headers=headers, timeout=TIMEOUT, trust_env=False)

    def close(self) -> None:
        """Close the connection."""
        self._http.close()

    def exchange_secret(self) -> None:
        """Have the server accept only a secret that nobody else has seen; may be repeated."""
        sha256 = hashlib.sha256(self._own_secret.encode()).hexdigest()
        self._request("POST", "/secret", SecretRequest(sha256=sha256).model_dump_json())
        self._http.headers["Authorization"] = f"Bearer {self._own_secret}"

    def config(self) -> AttemptConfig:
        """Get the job file, placement and settings of this attempt.

        Raises:
            OtherVersionError: the server has another distnet, and may mean something else by them.
        """
        response = self._request("GET", "")
        theirs = response.headers.get(HEADER, UNKNOWN)
        if not is_same(theirs, own_version()):
            raise OtherVersionError(
                f"the node {socket.gethostname()} has distnet {own_version()}, the server has "
                f"{theirs}; expected one version: hosts over ssh get the server's with distnet "
                "cluster up FILE; on AWS, Google Cloud and Kubernetes nodes keep theirs, so call "
                "distnet cluster down FILE, then distnet cluster up FILE (on clouds, `down` "
                "deletes the disks); distnet doctor compares all nodes"
            )
        return _read(AttemptConfig, response)

    def code(self) -> bytes:
        """Download the archive with the job's own files."""
        return self._request("GET", "/code").content

    def manifest(self) -> bytes:
        """Download the manifest of the job's dataset, which the job names by its content.

        Raises:
            DataError: the server does not have it.
        """
        return self._request("GET", "/dataset", missing=NO_DATASET).content

    def shard(self, sha256: str, offset: int, limit: int) -> bytes:
        """Download a piece of a shard of that dataset; an empty one at its end.

        Raises:
            DataError: the server does not have it.
        """
        path = f"/dataset/{sha256}?offset={offset}&limit={limit}"
        return self._request("GET", path, missing=NO_DATASET).content

    def report(self, report: Report) -> Instructions:
        """Send a report; returns what the attempt has to do."""
        return _read(Instructions, self._request("POST", "/report", report.model_dump_json()))

    def _request(
        self, method: str, path: str, body: str | None = None, *, missing: str = ""
    ) -> httpx.Response:
        url = f"{self._server}/api/v1/attempt{path}"
        headers = {} if body is None else {"Content-Type": "application/json"}
        try:
            response = self._http.request(method, url, content=body, headers=headers)
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            raise UnreachableError(f"{url}: {type(error).__name__}: {error}") from None
        if response.is_success:
            return response
        message = f"{url}: {response.status_code}: {response.text[:500]}"
        if response.status_code == HTTPStatus.UNAUTHORIZED or _code(response) == STALE:
            raise AttemptOverError(message)
        if missing and response.status_code == HTTPStatus.NOT_FOUND:
            raise DataError(missing)
        raise UnreachableError(message)


def retry_until_reachable(request: Callable[[], T]) -> T:
    """Repeat a request until the server responds, for up to a day.

    Raises:
        AttemptOverError: the server has ended this attempt.
        UnreachableError: the server did not respond in time.
    """
    wait_s, end, is_logged = FIRST_WAIT_S, time.monotonic() + PATIENCE_S, False
    while True:
        try:
            return request()
        except UnreachableError as error:
            if time.monotonic() > end:
                raise
            if not is_logged:
                logger.warning("the server cannot be reached, retrying: %s", error)
            is_logged = True
            time.sleep(wait_s)
            wait_s = min(2 * wait_s, LONGEST_WAIT_S)


def _read(kind: type[M], response: httpx.Response) -> M:
    try:
        return kind.model_validate_json(response.content)
    except ValidationError as error:
        fault = first_fault(error)
        raise UnreachableError(f"{response.url}: expected {kind.__name__}: {fault}") from None


def _code(response: httpx.Response) -> str:
    try:
        return str(response.json()["error"]["code"])
    except (ValueError, KeyError, TypeError):
        return ""
