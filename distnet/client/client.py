"""Everything that a server can be asked, by name; answers are the JSON of `server/messages`."""

from collections.abc import Mapping
from typing import Any
from urllib.parse import quote

from distnet.client.connection import PATIENCE_S, Connection
from distnet.client.target import Target

Answer = dict[str, Any]
LONG_PATIENCE_S = 600.0  # of those who wait anyway: a server may be restarted, or moved


class Client:
    """A server.

    Every method raises ServerError with the server's code and message where it refuses, and
    UnavailableError where it does not answer for `patience_s`.
    """

    def __init__(self, target: Target, *, patience_s: float = PATIENCE_S) -> None:
        self.target, self.patience_s = target, patience_s
        self._connection = Connection(target, patience_s=patience_s)

    def patient(self) -> "Client":
        """The same server, for somebody who waits: asked again for minutes if need be."""
        return Client(self.target, patience_s=LONG_PATIENCE_S)

    def whoami(self) -> Answer:
        """Whose token this is: WhoAnswer."""
        return self._get("/whoami")

    def has_code(self, sha256: str) -> bool:
        """Whether the server has this archive."""
        return self._connection.has(f"/api/v1/code/{sha256}")

    def put_code(self, sha256: str, data: bytes) -> None:
        """Upload an archive."""
        self._connection.put(f"/api/v1/code/{sha256}", data)

    def submit(self, request: Mapping[str, Any]) -> list[Answer]:
        """Queue a SubmitRequest: a JobAnswer for each of its jobs."""
        return list(self._connection.post("/api/v1/jobs", request)["jobs"])

    def jobs(self, **query: object) -> Answer:
        """One page of jobs in the order of the schedule: JobsAnswer."""
        return self._get("/jobs", **query)

    def details(self, job: str) -> Answer:
        """Everything about one job: JobDetails."""
        return self._get(_of(job))

    def why(self, job: str) -> Answer:
        """What a job waits for: WhyAnswer."""
        return self._get(f"{_of(job)}/why")

    def events(self, job: str, *, after: int = 0) -> Answer:
        """A part of the event log of one job: EventsAnswer."""
        return self._get(f"{_of(job)}/events", after=after)

    def stream(self, job: str, stream: str, *, offset: int, wait_s: float) -> Answer:
        """A piece of a log: StreamAnswer; the server may wait for one to come."""
        path = f"/api/v1{_of(job)}/streams/{quote(stream, safe='')}"
        get = self._connection.get
        answer: Answer = get(path, longer_s=wait_s, offset=offset, wait_s=wait_s)
        return answer

    def steer(self, job: str, verb: str) -> Answer:
        """`cancel`, `stop`, `hold`, `release` or `retry` a job: JobAnswer."""
        return self._post(f"{_of(job)}/{verb}", is_repeatable=verb not in ("release", "retry"))

    def resize(self, job: str, workers: int) -> Answer:
        """Have a job go on with another number of workers: JobAnswer."""
        return self._post(f"{_of(job)}/resize", {"workers": workers})

    def set_priority(self, job: str, priority: int) -> Answer:
        """Give a job another priority: JobAnswer."""
        return self._post(f"{_of(job)}/priority", {"priority": priority})

    def schedules(self) -> list[Answer]:
        """All schedules: ScheduleAnswer, each."""
        return list(self._get("/schedules")["schedules"])

    def add_schedule(self, request: Mapping[str, Any]) -> Answer:
        """Make a schedule of a ScheduleRequest: ScheduleAnswer."""
        return self._post("/schedules", request, is_repeatable=False)

    def pause_schedule(self, name: str, is_paused: bool) -> Answer:
        """Pause a schedule, or let it go on: ScheduleAnswer."""
        return self._post(f"{_schedule(name)}/{'pause' if is_paused else 'resume'}")

    def remove_schedule(self, name: str) -> None:
        """Remove a schedule; its jobs stay."""
        self._connection.delete(f"/api/v1{_schedule(name)}")

    def tokens(self) -> list[Answer]:
        """Tokens that one may see: TokenAnswer, each."""
        return list(self._get("/tokens")["tokens"])

    def add_token(self, request: Mapping[str, Any]) -> Answer:
        """Make a token of a TokenRequest: TokenAnswer with its secret."""
        return self._post("/tokens", request, is_repeatable=False)

    def revoke_token(self, token: str) -> None:
        """Make a token worthless."""
        self._connection.delete(f"/api/v1/tokens/{quote(token, safe='')}")

    def teams(self) -> list[Answer]:
        """All teams: TeamMessage, each."""
        return list(self._get("/teams")["teams"])

    def save_team(self, team: Mapping[str, Any]) -> Answer:
        """Make or change a team: TeamMessage."""
        path = f"/api/v1/teams/{quote(str(team['name']), safe='')}"
        return self._connection.put(path, team) or dict(team)

    def _get(self, path: str, **query: object) -> Answer:
        answer: Answer = self._connection.get(f"/api/v1{path}", longer_s=0.0, **query)
        return answer

    def _post(self, path: str, value: object = None, *, is_repeatable: bool = True) -> Answer:
        post = self._connection.post
        answer: Answer = post(f"/api/v1{path}", value, is_repeatable=is_repeatable)
        return answer


def _of(job: str) -> str:
    return f"/jobs/{quote(job, safe='')}"


def _schedule(name: str) -> str:
    return f"/schedules/{quote(name, safe='')}"
