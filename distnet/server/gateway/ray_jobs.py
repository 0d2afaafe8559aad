"""Ray's own client of its job API, whose requests end, and whose refusals can be told apart.

Importing Ray takes seconds and 80 MB: this file is imported in a thread, see `ray_gateway.py`.
"""

from http import HTTPStatus
from typing import Any

from ray.dashboard.modules.dashboard_sdk import SubmissionClient
from ray.exceptions import AuthenticationError
from ray.job_submission import JobSubmissionClient
from requests import RequestException, Response

from distnet.protocol.errors import UnavailableError

CONNECT_S, ANSWER_S = 3.0, 10.0
"""Of each request. By itself `requests` waits for ever."""


class NotThereError(Exception):
    """Ray answers, and has no such job."""


class RayJobs(JobSubmissionClient):  # type: ignore[misc]
    """The job API at the dashboard's address; its calls raise UnavailableError or NotThereError.

    Where RAY_AUTH_MODE is `token`, requests bear the token, found as every Ray client finds it.
    """

    def __init__(self, address: str) -> None:
        # Not that of JobSubmissionClient: it would ask for a version at once, twice, and take
        # RAY_ADDRESS for the dashboard's address.
        SubmissionClient.__init__(self, address)

    def ask(self, path: str, **parameters: str | list[str]) -> Any:
        """What the dashboard answers to GET, from JSON."""
        try:
            return self._do_request("GET", path, params=parameters).json()
        except ValueError:
            raise UnavailableError(f"{self._address}{path}: found no JSON, expected Ray") from None

    def _do_request(self, method: str, endpoint: str, **options: Any) -> Response:
        """Send one request; the inner method of Ray's through which all of them go."""
        options.setdefault("timeout", (CONNECT_S, ANSWER_S))
        try:
            response: Response = super()._do_request(method, endpoint, **options)
        except (RequestException, AuthenticationError) as error:
            raise UnavailableError(
                f"the Ray cluster at {self._address} does not answer: {_reason(error)}"
            ) from None
        if response.status_code == HTTPStatus.NOT_FOUND:
            raise NotThereError(endpoint)
        if response.status_code != HTTPStatus.OK:
            raise UnavailableError(
                f"the Ray cluster at {self._address} answers {method} {endpoint} with "
                f"{response.status_code}: {_last_line(response.text)}"
            )
        return response


def _reason(error: BaseException) -> str:
    """What the system said, from beneath the layers of `requests`."""
    cause = error
    while (deeper := cause.__cause__ or cause.__context__) is not None:
        cause = deeper
    if isinstance(cause, OSError) and cause.strerror:
        return cause.strerror.lower()
    return (str(error).strip().splitlines() or [type(error).__name__])[0][:300]


def _last_line(text: str) -> str:
    """Of a traceback, which Ray sends: what was raised."""
    return (text.strip().splitlines() or ["no text"])[-1][:300]
