"""Ray's client of its job API, with timeouts, and with an error of its own for absent jobs.

Importing Ray takes seconds and 80 MB: this file is imported in a thread, see `ray_gateway.py`.
"""

from collections.abc import Sequence
from http import HTTPStatus
from typing import Any

from ray.dashboard.modules.dashboard_sdk import SubmissionClient
from ray.exceptions import AuthenticationError
from ray.job_submission import JobSubmissionClient
from requests import RequestException, Response

from distnet.protocol.errors import UnavailableError
from distnet.server.gateway.gateway import AbsentError
from distnet.server.gateway.node_groups import NodeGroup
from distnet.server.gateway.ray_autoscaler import RayAutoscaler

CONNECT_S, RESPONSE_S = 3.0, 10.0
"""Timeouts of each request; `requests` itself has none."""


class RayJobs(JobSubmissionClient):  # type: ignore[misc]
    """The job API at the dashboard's address; its calls raise UnavailableError or AbsentError.

    Where RAY_AUTH_MODE is `token`, requests carry the token, found as every Ray client finds it.
    """

    def __init__(self, address: str) -> None:
        # Not the constructor of JobSubmissionClient: it sends two requests for the version, and
        # takes RAY_ADDRESS for the dashboard's address.
        SubmissionClient.__init__(self, address)

    def get(self, path: str, **parameters: str | list[str]) -> Any:
        """Get a path of the dashboard, from JSON."""
        try:
            return self._do_request("GET", path, params=parameters).json()
        except ValueError:
            raise UnavailableError(
                f"{self._address}{path}: found a response that is not JSON, expected Ray"
            ) from None

    def autoscaler(self, gcs: str, groups: Sequence[NodeGroup]) -> RayAutoscaler:
        """Make a client of the autoscaler, which the dashboard does not give access to."""
        return RayAutoscaler(gcs, groups)

    def _do_request(self, method: str, endpoint: str, **options: Any) -> Response:
        """Send one request; all methods of Ray's client call this one."""
        options.setdefault("timeout", (CONNECT_S, RESPONSE_S))
        try:
            response: Response = super()._do_request(method, endpoint, **options)
        except (RequestException, AuthenticationError) as error:
            raise UnavailableError(
                f"cannot reach the Ray cluster at {self._address}: {_reason(error)}"
            ) from None
        if response.status_code == HTTPStatus.NOT_FOUND:
            raise AbsentError(endpoint)
        if response.status_code != HTTPStatus.OK:
            raise UnavailableError(
                f"the Ray cluster at {self._address} responds to {method} {endpoint} with "
                f"{response.status_code}: {_last_line(response.text)}"
            )
        return response


def _reason(error: BaseException) -> str:
    """The message of the system, from beneath the layers of `requests`."""
    cause = error
    while (deeper := cause.__cause__ or cause.__context__) is not None:
        cause = deeper
    if isinstance(cause, OSError) and cause.strerror:
        return cause.strerror.lower()
    return (str(error).strip().splitlines() or [type(error).__name__])[0][:300]


def _last_line(text: str) -> str:
    """The exception at the end of a traceback, which Ray sends as text."""
    return (text.strip().splitlines() or ["no text"])[-1][:300]
