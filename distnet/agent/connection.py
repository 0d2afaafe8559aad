"""How an attempt speaks with the server: HTTP, with a secret that is good for it alone."""

import logging
import time
from collections.abc import Callable
from http import HTTPStatus
from typing import TypeVar

import httpx
from pydantic import ValidationError

from distnet.protocol.attempt import Orders, Report, Task
from distnet.protocol.message import Message

TIMEOUT = httpx.Timeout(20.0, connect=5.0)
STALE = "stale_attempt"
FIRST_WAIT_S = 0.2
LONGEST_WAIT_S = 5.0
PATIENCE_S = 86_400.0
M = TypeVar("M", bound=Message)
T = TypeVar("T")

logger = logging.getLogger(__name__)


class UnreachableError(Exception):
    """The server does not answer as it should at the moment; nothing is known."""


class GivenUpError(Exception):
    """The server has given this attempt up: a newer one has its place, or the job is over."""


class Connection:
    """Asks and tells; every call raises UnreachableError or GivenUpError, or is answered.

    Args:
        server: its address, as in http://10.0.0.1:8270.
        secret: of this attempt.
    """

    def __init__(self, server: str, secret: str) -> None:
        self._server = server.rstrip("/")
        headers = {"Authorization": f"Bearer {secret}"}
        # The server is a machine of the cluster's own network, whatever proxy leads out of it.
        self._http = httpx.Client(headers=headers, timeout=TIMEOUT, trust_env=False)

    def close(self) -> None:
        """Let go of the connection."""
        self._http.close()

    def task(self) -> Task:
        """Ask what is to be done."""
        return _read(Task, self._ask("GET", ""))

    def code(self) -> bytes:
        """Fetch the archive with the job's own files."""
        return self._ask("GET", "/code").content

    def report(self, report: Report) -> Orders:
        """Tell where this attempt is; the answer says what it is to do."""
        return _read(Orders, self._ask("POST", "/report", report.model_dump_json()))

    def _ask(self, method: str, path: str, body: str | None = None) -> httpx.Response:
        url = f"{self._server}/api/v1/attempt{path}"
        headers = {} if body is None else {"Content-Type": "application/json"}
        try:
            answer = self._http.request(method, url, content=body, headers=headers)
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            raise UnreachableError(f"{url}: {type(error).__name__}: {error}") from None
        if answer.status_code == HTTPStatus.OK:
            return answer
        said = f"{url}: {answer.status_code}: {answer.text[:500]}"
        if answer.status_code == HTTPStatus.UNAUTHORIZED or _code(answer) == STALE:
            raise GivenUpError(said)
        raise UnreachableError(said)


def patiently(ask: Callable[[], T]) -> T:
    """Ask the server until it answers, for a day.

    Raises:
        GivenUpError: this attempt is over.
        UnreachableError: no answer came.
    """
    wait_s, end, is_told = FIRST_WAIT_S, time.monotonic() + PATIENCE_S, False
    while True:
        try:
            return ask()
        except UnreachableError as error:
            if time.monotonic() > end:
                raise
            if not is_told:
                logger.warning("the server does not answer, which is tried on: %s", error)
            is_told = True
            time.sleep(wait_s)
            wait_s = min(2 * wait_s, LONGEST_WAIT_S)


def _read(kind: type[M], answer: httpx.Response) -> M:
    try:
        return kind.model_validate_json(answer.content)
    except ValidationError as error:
        fault = str(error).splitlines()[0]
        raise UnreachableError(f"{answer.url}: found no {kind.__name__}: {fault}") from None


def _code(answer: httpx.Response) -> str:
    try:
        return str(answer.json()["error"]["code"])
    except (ValueError, KeyError, TypeError):
        return ""
