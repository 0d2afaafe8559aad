"""Every request that a server takes, by name; replies are the JSON of `distnet.protocol`."""

from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import quote

from distnet.client.connection import PATIENCE_S, Connection
from distnet.client.target import Target
from distnet.protocol.errors import NotFoundError

Json = dict[str, Any]
JOB_S = 0.02  # of a sweep: a busy server reads and stores more than a hundred each second
LONG_PATIENCE_S = 600.0  # of commands that wait anyway: a server may be restarted, or moved


class Client:
    """A server.

    Every method raises ServerError with the server's code and message when it refuses, and
    UnavailableError when it does not respond for `patience_s`.
    """

    def __init__(self, target: Target, *, patience_s: float = PATIENCE_S) -> None:
        self.target, self.patience_s = target, patience_s
        self._connection = Connection(target, patience_s=patience_s)

    def patient(self) -> "Client":
        """The same server, for a command that waits: requests are repeated for minutes."""
        return Client(self.target, patience_s=LONG_PATIENCE_S)

    def whoami(self) -> Json:
        """The user of this token: WhoResponse."""
        return self._get("/whoami")

    def has_code(self, sha256: str) -> bool:
        """Whether the server has this archive."""
        return self._connection.has(f"/api/v1/code/{sha256}")

    def put_code(self, sha256: str, data: bytes) -> None:
        """Upload an archive."""
        self._connection.put(f"/api/v1/code/{sha256}", data)

    def datasets(self) -> Json:
        """The datasets that the server keeps: DatasetsResponse."""
        return self._get("/datasets")

    def has_dataset(self, sha256: str) -> bool:
        """Whether the server keeps this dataset."""
        try:
            self._get(f"/datasets/{sha256}")
        except NotFoundError:
            return False
        return True

    def mounts_dataset(self, sha256: str, path: str) -> bool:
        """Whether the server's machine has this dataset under the same path."""
        return bool(self._post(f"/datasets/{sha256}/mount", {"path": path})["is_same"])

    def begin_dataset(self, sha256: str, manifest: bytes) -> Json:
        """Begin to upload a dataset, or continue: UploadResponse."""
        reply: Json = self._connection.post(f"/api/v1/datasets/{sha256}", manifest)
        return reply

    def put_shard(self, sha256: str, shard: str, offset: int, data: bytes) -> int:
        """Upload a piece of a shard; returns where the next one begins."""
        path = f"/api/v1/datasets/{sha256}/shards/{shard}"
        return int(self._connection.put(path, data, offset=offset)["offset"])

    def remove_dataset(self, sha256: str) -> None:
        """Remove a dataset that no open job has."""
        self._connection.delete(f"/api/v1/datasets/{sha256}")

    def submit(self, request: Mapping[str, Any], *, num_jobs: int = 1) -> list[Json]:
        """Queue the jobs of a SubmitRequest: a JobResponse for each; many take longer."""
        reply = self._connection.post("/api/v1/jobs", request, longer_s=num_jobs * JOB_S)
        return list(reply["jobs"])

    def jobs(self, **query: object) -> Json:
        """One page of jobs in the order of the queue: JobsResponse."""
        return self._get("/jobs", **query)

    def sweep(self, name: str) -> Json:
        """The jobs of a sweep, the best first: SweepResponse."""
        return self._get(f"/sweeps/{quote(name, safe='')}")

    def details(self, job: str) -> Json:
        """Everything about one job: JobDetails."""
        return self._get(_of(job))

    def why(self, job: str) -> Json:
        """Why a job is waiting: WhyResponse."""
        return self._get(f"{_of(job)}/why")

    def events(self, job: str, *, after: int = 0) -> Json:
        """The events of a job after number `after`: EventsResponse."""
        return self._get(f"{_of(job)}/events", after=after)

    def stream(self, job: str, stream: str, *, offset: int, wait_s: float) -> Json:
        """A piece of a log: StreamResponse; the server may wait up to `wait_s` for new text."""
        path = f"/api/v1{_of(job)}/streams/{quote(stream, safe='')}"
        get = self._connection.get
        reply: Json = get(path, longer_s=wait_s, offset=offset, wait_s=wait_s)
        return reply

    def run_files(self, job: str) -> Json:
        """The files of a job's run that may be copied: RunFilesResponse."""
        return self._get(f"{_of(job)}/files")

    def run_file(self, job: str, path: str, *, version: str, offset: int, limit: int) -> bytes:
        """A piece of a file of a job's run; an empty one at its end."""
        target = f"/api/v1{_of(job)}/files/{quote(path)}"
        get = self._connection.get_bytes
        return get(target, version=version, offset=offset, limit=limit)

    def control(self, job: str, command: str) -> Json:
        """`cancel`, `stop`, `hold`, `release` or `retry` a job: JobResponse."""
        return self._post(
            f"{_of(job)}/{command}", is_repeatable=command not in ("release", "retry")
        )

    def resize(self, job: str, workers: int) -> Json:
        """Change the number of workers of a job: JobResponse."""
        return self._post(f"{_of(job)}/resize", {"workers": workers})

    def exec(self, job: str, argv: Sequence[str], *, rank: int | None, timeout_s: float) -> Json:
        """Run a program on the nodes of a job: ExecResponse."""
        body = {"argv": list(argv), "rank": rank, "timeout_s": timeout_s}
        return self._post(f"{_of(job)}/exec", body, is_repeatable=False)

    def stacks(self, job: str, *, rank: int | None) -> Json:
        """Read the stacks of the workers of a job: ExecResponse."""
        return self._post(f"{_of(job)}/stacks", {"rank": rank})

    def set_priority(self, job: str, priority: int) -> Json:
        """Change the priority of a job: JobResponse."""
        return self._post(f"{_of(job)}/priority", {"priority": priority})

    def schedules(self) -> list[Json]:
        """All recurring jobs: a ScheduleResponse for each."""
        return list(self._get("/schedules")["schedules"])

    def add_schedule(self, request: Mapping[str, Any]) -> Json:
        """Create the recurring job of a ScheduleRequest: ScheduleResponse."""
        return self._post("/schedules", request, is_repeatable=False)

    def pause_schedule(self, name: str, is_paused: bool) -> Json:
        """Pause or resume a recurring job: ScheduleResponse."""
        return self._post(f"{_schedule(name)}/{'pause' if is_paused else 'resume'}")

    def remove_schedule(self, name: str) -> None:
        """Remove a recurring job; the jobs that it has submitted stay."""
        self._connection.delete(f"/api/v1{_schedule(name)}")

    def tokens(self) -> list[Json]:
        """The tokens that the user may see: a TokenResponse for each."""
        return list(self._get("/tokens")["tokens"])

    def add_token(self, request: Mapping[str, Any]) -> Json:
        """Create the token of a TokenRequest: TokenResponse with its secret."""
        return self._post("/tokens", request, is_repeatable=False)

    def revoke_token(self, token: str) -> None:
        """Revoke a token."""
        self._connection.delete(f"/api/v1/tokens/{quote(token, safe='')}")

    def users(self) -> list[Json]:
        """All users, for an admin: a UserResponse for each."""
        return list(self._get("/users")["users"])

    def block_user(self, name: str, request: Mapping[str, Any]) -> Json:
        """Block a user as a BlockRequest says: BlockResponse."""
        return self._post(f"/users/{quote(name, safe='')}/block", request)

    def unblock_user(self, name: str) -> Json:
        """Unblock a user: BlockResponse."""
        return self._post(f"/users/{quote(name, safe='')}/unblock")

    def usage(self, **query: object) -> Json:
        """The hours that jobs had: UsageResponse; lists in the query are repeated."""
        return self._get("/usage", **query)

    def teams(self) -> list[Json]:
        """All teams: a TeamMessage for each."""
        return list(self._get("/teams")["teams"])

    def save_team(self, team: Mapping[str, Any]) -> Json:
        """Create or change a team: TeamMessage."""
        path = f"/api/v1/teams/{quote(str(team['name']), safe='')}"
        return self._connection.put(path, team) or dict(team)

    def cluster(self) -> Json:
        """The nodes of the cluster, and the jobs on them: ClusterResponse."""
        return self._get("/cluster")

    def drain(self, nodes: Sequence[str], reason: str, *, now: bool) -> list[Json]:
        """Start nothing new on some nodes: a NodeResponse for each."""
        request = {"nodes": list(nodes), "reason": reason, "now": now}
        return list(self._post("/nodes/drain", request)["nodes"])

    def resume_nodes(self, nodes: Sequence[str]) -> list[Json]:
        """Use drained nodes again: a NodeResponse for each that is in the cluster."""
        return list(self._post("/nodes/resume", {"nodes": list(nodes)})["nodes"])

    def reservations(self) -> list[Json]:
        """The reservations that have not ended: a ReservationResponse for each."""
        return list(self._get("/reservations")["reservations"])

    def reserve(self, request: Mapping[str, Any]) -> Json:
        """Make the reservation of a ReservationRequest: ReservationResponse."""
        return self._post("/reservations", request, is_repeatable=False)

    def cancel_reservation(self, name: str) -> None:
        """Cancel a reservation; jobs in it continue."""
        self._connection.delete(f"/api/v1/reservations/{quote(name, safe='')}")

    def _get(self, path: str, **query: object) -> Json:
        reply: Json = self._connection.get(f"/api/v1{path}", longer_s=0.0, **query)
        return reply

    def _post(self, path: str, value: object = None, *, is_repeatable: bool = True) -> Json:
        post = self._connection.post
        reply: Json = post(f"/api/v1{path}", value, is_repeatable=is_repeatable)
        return reply


def _of(job: str) -> str:
    return f"/jobs/{quote(job, safe='')}"


def _schedule(name: str) -> str:
    return f"/schedules/{quote(name, safe='')}"
