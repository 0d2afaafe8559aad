"""A small server of distnet's HTTP interface, over a real socket.

What it reads and writes are the models of `distnet.protocol`, so its shapes cannot drift
from those of the real one.
"""

import json
import re
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

from pydantic import BaseModel, ValidationError

from distnet.protocol.cluster import (
    ClusterResponse,
    DrainRequest,
    DrainResponse,
    EventResponse,
    EventsResponse,
    GroupResponse,
    NodeResponse,
    NodesResponse,
    NodeState,
    ResumeRequest,
)
from distnet.protocol.datasets import MountResponse
from distnet.protocol.errors import (
    ConflictError,
    InvalidError,
    NotFoundError,
    ServerError,
    UnauthenticatedError,
)
from distnet.protocol.jobs import (
    AttemptResponse,
    JobDetails,
    JobResponse,
    JobsResponse,
    PriorityRequest,
    ResizeRequest,
    StreamResponse,
    SubmitResponse,
    WhyResponse,
)
from distnet.protocol.node_commands import ExecRequest, ExecResponse, StacksRequest
from distnet.protocol.reservations import (
    ReservationRequest,
    ReservationResponse,
    ReservationsResponse,
)
from distnet.protocol.schedules import ScheduleRequest, ScheduleResponse, SchedulesResponse
from distnet.protocol.states import JobState
from distnet.protocol.submit import SubmitRequest
from distnet.protocol.sweeps import SweepResponse, TrialResponse
from distnet.protocol.users import (
    TeamMessage,
    TeamsResponse,
    TokenRequest,
    TokenResponse,
    TokensResponse,
    WhoResponse,
)
from distnet.spec.metric import Metric
from distnet.spec.sweep import changes, expand

TOKEN = "dn_abcdefghijkl_" + "s" * 43
STATE_AFTER = {"cancel": "cancelled", "stop": "stopped", "hold": "held", "release": "waiting"}
Sent = tuple[int, bytes]


def make_job(name: str, number: int = 1, **changes: Any) -> JobResponse:
    facts: dict[str, Any] = {
        "number": number, "name": name, "owner": "ada", "team": "vision", "state": "waiting",
        "reason": "no room", "priority": 0, "workers": None, "fewest": 2, "most": 2, "cpus": 1,
        "gpus": 0, "submitted_at": 1000.0,
    }  # fmt: skip
    return JobResponse.model_validate(facts | changes)


def make_attempt(number: int, **changes: Any) -> AttemptResponse:
    facts: dict[str, Any] = {
        "number": number, "cause": "start", "placement": {"n1": 2}, "created_at": 1000.0,
        "seen_at": 1001.0, "ended_at": None, "end": None, "stop": None, "error": None,
        "failure": None, "step": None,
    }  # fmt: skip
    return AttemptResponse.model_validate(facts | changes)


@dataclass
class FakeServer:
    """Its state, the requests it has received, and the faults it makes."""

    url: str = ""
    jobs: dict[str, JobResponse] = field(default_factory=dict)
    attempts: dict[str, list[AttemptResponse]] = field(default_factory=dict)
    results: dict[str, dict[str, Any]] = field(default_factory=dict)
    folders: dict[str, str] = field(default_factory=dict)
    programs: list[ExecRequest] = field(default_factory=list)
    """Those that were to run on the nodes of jobs."""
    logs: dict[tuple[str, str], bytes] = field(default_factory=dict)
    complete: set[str] = field(default_factory=set)
    """Jobs whose logs are complete."""
    events: list[EventResponse] = field(default_factory=list)
    code: dict[str, bytes] = field(default_factory=dict)
    schedules: dict[str, ScheduleResponse] = field(default_factory=dict)
    tokens: dict[str, TokenResponse] = field(default_factory=dict)
    teams: dict[str, TeamMessage] = field(default_factory=dict)
    nodes: dict[str, NodeResponse] = field(default_factory=dict)
    groups: list[GroupResponse] = field(default_factory=list)
    reservations: dict[str, ReservationResponse] = field(default_factory=dict)
    submits: list[SubmitRequest] = field(default_factory=list)
    scheduled: list[ScheduleRequest] = field(default_factory=list)
    requests: list[str] = field(default_factory=list)
    """`METHOD path?query`, each."""
    tokens_seen: list[str | None] = field(default_factory=list)
    faults: list[str | int] = field(default_factory=list)
    """What happens to the next requests: a status, or `drop` after they were carried out."""
    changes: dict[str, list[dict[str, Any]]] = field(default_factory=dict)
    """Changes of a job, one for each time that its details are read."""
    rungs: tuple[float, ...] = ()
    """Of all sweeps."""
    trials_at_once: int | None = None
    page: int = 1000
    num_connections: int = 0

    def handle(self, method: str, target: str, body: bytes) -> Sent:
        parts = urlsplit(target)
        query = {key: values[0] for key, values in parse_qs(parts.query).items()}
        for pattern, verb, route in ROUTES:
            match = re.fullmatch(pattern, parts.path.removeprefix("/api/v1"))
            if match and verb == method:
                response = route(self, *match.groups(), query=query, body=body)
                text = response.model_dump_json() if isinstance(response, BaseModel) else "{}"
                return (201 if method == "POST" else 200), text.encode()
        raise NotFoundError(f"no such page: {target}")

    def job(self, name: str) -> JobResponse:
        if name not in self.jobs:
            raise NotFoundError(f"there is no job {name}")
        return self.jobs[name]

    def change(self, name: str, **changes: Any) -> JobResponse:
        facts = self.job(name).model_dump() | changes
        self.jobs[name] = JobResponse.model_validate(facts)
        return self.jobs[name]


def who(server: FakeServer, **_: Any) -> BaseModel:
    facts = {"user": "ada", "role": "admin", "team": "vision", "token": "abcdefghijkl"}
    return WhoResponse.model_validate(facts | {"server": "k3x9q1z7", "version": "0.1.0"})


def submit(server: FakeServer, *, body: bytes, **_: Any) -> BaseModel:
    request = SubmitRequest.model_validate_json(body)
    if request.code is not None and request.code not in server.code:
        raise InvalidError("the archive was not uploaded", code="code_missing")
    known = [old for old in server.submits if old.key == request.key]
    server.submits.append(request)
    combinations = expand(request.sweep)
    base = request.name or ("digits-sweep-1" if request.sweep else "digits")
    names = [f"{base}-{i + 1}" for i in range(len(combinations))] if request.sweep else [base]
    if not known and set(names) & server.jobs.keys():
        raise ConflictError(f"the name {base} is taken", code="name_taken")
    state = "held" if request.hold else "waiting"
    array = base if request.sweep else None
    for number, name in enumerate(names):
        changed = changes(combinations[number])
        server.jobs[name] = make_job(name, number + 1, state=state, array=array, changes=changed)
    return SubmitResponse(jobs=tuple(server.jobs[name] for name in names))


def jobs(server: FakeServer, *, query: dict[str, str], **_: Any) -> BaseModel:
    wanted = {
        "ended": lambda state: state.is_terminal,
        "all": lambda state: True,
        None: lambda state: not state.is_terminal,
    }[query.get("state")]
    found = [job for job in server.jobs.values() if wanted(JobState(job.state))]
    if "since" in query:
        found = [job for job in found if (job.ended_at or 0.0) >= float(query["since"])]
    for key in ("owner", "team", "array"):
        found = [job for job in found if query.get(key, getattr(job, key)) == getattr(job, key)]
    begin, size = int(query.get("after", 0)), min(int(query.get("limit", 100)), server.page)
    rest = str(begin + size) if begin + size < len(found) else None
    return JobsResponse(jobs=tuple(found[begin : begin + size]), num_total=len(found), next=rest)


def sweep(server: FakeServer, name: str, **_: Any) -> BaseModel:
    found = [job for job in server.jobs.values() if job.array == name]
    if not found:
        raise NotFoundError(f"there is no sweep {name}")
    rows = [
        TrialResponse(
            name=job.name,
            changes=job.changes,
            state=job.state,
            value=job.metrics.get(job.headline.name) if job.headline else None,
        )
        for job in found
    ]
    headline = next((job.headline for job in found if job.headline), None)
    metric = headline and Metric(**headline.model_dump())
    rules = {"rungs": server.rungs, "trials_at_once": server.trials_at_once}
    return SweepResponse.ranked(name, rows, metric, "test", **rules)


def details(server: FakeServer, name: str, **_: Any) -> BaseModel:
    if server.changes.get(name):
        step = server.changes[name].pop(0)
        server.attempts[name] = step.pop("attempts", server.attempts.get(name, []))
        server.change(name, **step)
    return JobDetails(
        job=server.job(name),
        spec="name: digits\n",
        after=(),
        attempts=tuple(server.attempts.get(name, ())),
        result=server.results.get(name),
        streams=tuple(sorted(stream for job, stream in server.logs if job == name)),
        folder=server.folders.get(name),
    )


def why(server: FakeServer, name: str, **_: Any) -> BaseModel:
    return WhyResponse(
        job=name,
        state=server.job(name).state,
        code="no-room",
        reason="2 workers with 1 CPU each do not fit",
        position=3,
        ahead=("digits-1", "digits-2"),
        holders=("big-1",),
        starts_at=4_000_000_000.0,
        error_s=90.0,
        would_start="2 free CPUs on one node",
    )


def events(server: FakeServer, name: str, *, query: dict[str, str], **_: Any) -> BaseModel:
    server.job(name)
    found = [e for e in server.events if e.job == name and e.number > int(query["after"])]
    return EventsResponse(events=tuple(found[:2]), next=found[-1].number if found else 0)


def stream(
    server: FakeServer, name: str, stream: str, *, query: dict[str, str], **_: Any
) -> BaseModel:
    server.job(name)
    text = server.logs.get((name, stream), b"")
    begin = int(query["offset"])
    piece = text[begin : begin + 10]
    end = begin + len(piece)
    is_complete = name in server.complete and end == len(text)
    return StreamResponse(
        text=piece.decode(), offset=begin, next=end, end=len(text), is_complete=is_complete
    )


def control(server: FakeServer, name: str, verb: str, **_: Any) -> BaseModel:
    state = server.job(name).state
    if state.is_terminal != (verb == "retry"):
        raise ConflictError(f"{name} is {state}", code="wrong_state")
    if name in server.changes:  # it takes its time, which the details show
        return server.change(name, state="stopping", reason=f"requested to {verb}")
    state = STATE_AFTER.get(verb, "waiting")
    return server.change(name, state=state, reason="" if state == "waiting" else f"{state} by ada")


def resize(server: FakeServer, name: str, *, body: bytes, **_: Any) -> BaseModel:
    ResizeRequest.model_validate_json(body)
    return server.job(name)


def exec_(server: FakeServer, name: str, *, body: bytes, **_: Any) -> BaseModel:
    server.job(name)
    server.programs.append(ExecRequest.model_validate_json(body))
    return ExecResponse(stream="exec-1")


def stacks(server: FakeServer, name: str, *, body: bytes, **_: Any) -> BaseModel:
    server.job(name)
    StacksRequest.model_validate_json(body)
    return ExecResponse(stream="exec-1")


def priority(server: FakeServer, name: str, *, body: bytes, **_: Any) -> BaseModel:
    return server.change(name, priority=PriorityRequest.model_validate_json(body).priority)


def has_code(server: FakeServer, sha256: str, **_: Any) -> None:
    if sha256 not in server.code:
        raise NotFoundError("no such archive")


def mount(server: FakeServer, sha256: str, **_: Any) -> BaseModel:
    return MountResponse(is_same=True)


def put_code(server: FakeServer, sha256: str, *, body: bytes, **_: Any) -> None:
    server.code[sha256] = body


def list_schedules(server: FakeServer, **_: Any) -> BaseModel:
    return SchedulesResponse(schedules=tuple(server.schedules.values()))


def add_schedule(server: FakeServer, *, body: bytes, **_: Any) -> BaseModel:
    request = ScheduleRequest.model_validate_json(body)
    server.scheduled.append(request)
    facts = request.model_dump(exclude={"request"}) | {"owner": "ada", "is_paused": False}
    facts |= {"next_at": request.at or 4e9, "last_at": None, "last_job": None, "num_runs": 0}
    server.schedules[request.name] = ScheduleResponse.model_validate(facts)
    return server.schedules[request.name]


def pause(server: FakeServer, name: str, verb: str, **_: Any) -> BaseModel:
    if name not in server.schedules:
        raise NotFoundError(f"there is no schedule {name}")
    change = {"is_paused": verb == "pause"}
    server.schedules[name] = server.schedules[name].model_copy(update=change)
    return server.schedules[name]


def remove_schedule(server: FakeServer, name: str, **_: Any) -> None:
    if server.schedules.pop(name, None) is None:
        raise NotFoundError(f"there is no schedule {name}")


def list_tokens(server: FakeServer, **_: Any) -> BaseModel:
    return TokensResponse(tokens=tuple(server.tokens.values()))


def add_token(server: FakeServer, *, body: bytes, **_: Any) -> BaseModel:
    request = TokenRequest.model_validate_json(body)
    facts = {"id": "k3x9q1z7b5m2", "user": request.user or "ada", "role": request.role or "admin"}
    facts |= {"note": request.note, "created_at": 1000.0, "expires_at": request.expires_at}
    token = TokenResponse.model_validate(facts | {"revoked_at": None, "used_at": None})
    server.tokens[token.id] = token
    return token.model_copy(update={"secret": TOKEN})


def revoke(server: FakeServer, token: str, **_: Any) -> None:
    if token not in server.tokens:
        raise NotFoundError(f"there is no token {token}")
    server.tokens[token] = server.tokens[token].model_copy(update={"revoked_at": 2000.0})


def cluster(server: FakeServer, **_: Any) -> BaseModel:
    nodes = tuple(server.nodes.values())
    groups = tuple(server.groups)
    return ClusterResponse(is_reachable=True, seen_at=1000.0, reason="", nodes=nodes, groups=groups)


def drain(server: FakeServer, *, body: bytes, **_: Any) -> BaseModel:
    request = DrainRequest.model_validate_json(body)
    by = DrainResponse(reason=request.reason, actor="ada", since=1000.0)
    return _changed(server, request.nodes, {"state": NodeState.DRAINING, "drain": by})


def resume(server: FakeServer, *, body: bytes, **_: Any) -> BaseModel:
    request = ResumeRequest.model_validate_json(body)
    return _changed(server, request.nodes, {"state": NodeState.MIXED, "drain": None})


def _changed(server: FakeServer, names: tuple[str, ...], change: dict[str, Any]) -> BaseModel:
    for name in names:
        server.nodes[name] = server.nodes[name].model_copy(update=change)
    return NodesResponse(nodes=tuple(server.nodes[name] for name in names))


def reserve(server: FakeServer, *, body: bytes, **_: Any) -> BaseModel:
    request = ReservationRequest.model_validate_json(body)
    facts = request.model_dump(exclude={"count"}) | {"actor": "ada", "is_active": False}
    facts["nodes"] = request.nodes or tuple(f"gpu{n}" for n in range(1, (request.count or 0) + 1))
    server.reservations[request.name] = ReservationResponse.model_validate(facts)
    return server.reservations[request.name]


def list_reservations(server: FakeServer, **_: Any) -> BaseModel:
    return ReservationsResponse(reservations=tuple(server.reservations.values()))


def cancel_reservation(server: FakeServer, name: str, **_: Any) -> None:
    if server.reservations.pop(name, None) is None:
        raise NotFoundError(f"there is no reservation {name}")


def list_teams(server: FakeServer, **_: Any) -> BaseModel:
    return TeamsResponse(teams=tuple(server.teams.values()))


def save_team(server: FakeServer, name: str, *, body: bytes, **_: Any) -> BaseModel:
    server.teams[name] = TeamMessage.model_validate_json(body)
    return server.teams[name]


ROUTES: list[tuple[str, str, Callable[..., BaseModel | None]]] = [
    ("/whoami", "GET", who),
    ("/jobs", "POST", submit),
    ("/jobs", "GET", jobs),
    ("/sweeps/([^/]+)", "GET", sweep),
    ("/jobs/([^/]+)", "GET", details),
    ("/jobs/([^/]+)/why", "GET", why),
    ("/jobs/([^/]+)/events", "GET", events),
    ("/jobs/([^/]+)/streams/([^/]+)", "GET", stream),
    ("/jobs/([^/]+)/resize", "POST", resize),
    ("/jobs/([^/]+)/priority", "POST", priority),
    ("/jobs/([^/]+)/exec", "POST", exec_),
    ("/jobs/([^/]+)/stacks", "POST", stacks),
    ("/jobs/([^/]+)/(cancel|stop|hold|release|retry)", "POST", control),
    ("/code/([0-9a-f]{64})", "HEAD", has_code),
    ("/code/([0-9a-f]{64})", "PUT", put_code),
    ("/datasets/([0-9a-f]{64})/mount", "POST", mount),
    ("/schedules", "GET", list_schedules),
    ("/schedules", "POST", add_schedule),
    ("/schedules/([^/]+)/(pause|resume)", "POST", pause),
    ("/schedules/([^/]+)", "DELETE", remove_schedule),
    ("/tokens", "GET", list_tokens),
    ("/tokens", "POST", add_token),
    ("/tokens/([^/]+)", "DELETE", revoke),
    ("/cluster", "GET", cluster),
    ("/nodes/drain", "POST", drain),
    ("/nodes/resume", "POST", resume),
    ("/reservations", "POST", reserve),
    ("/reservations", "GET", list_reservations),
    ("/reservations/([^/]+)", "DELETE", cancel_reservation),
    ("/teams", "GET", list_teams),
    ("/teams/([^/]+)", "PUT", save_team),
]


class Listening(ThreadingHTTPServer):
    """A FakeServer on a port of this machine, until it is closed."""

    daemon_threads = True
    allow_reuse_address = True

    def __init__(self, fake: FakeServer, port: int = 0) -> None:
        super().__init__(("127.0.0.1", port), Exchange)
        self.fake = fake
        fake.url = f"http://127.0.0.1:{self.server_address[1]}"
        self._thread = threading.Thread(target=self.serve_forever, args=(0.02,), daemon=True)
        self._thread.start()

    def close(self) -> None:
        self.shutdown()
        self.server_close()
        self._thread.join()


class Exchange(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    wbufsize = -1  # head and body in one packet
    server: Listening

    def setup(self) -> None:
        self.server.fake.num_connections += 1
        super().setup()

    def handle_one(self) -> None:
        fake = self.server.fake
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        fake.requests.append(f"{self.command} {self.path}")
        fake.tokens_seen.append(self.headers.get("Authorization"))
        fault = fake.faults.pop(0) if fake.faults else None
        if isinstance(fault, int):
            self._send(fault, _error("unavailable", "come back later"))
            return
        status, data = self._respond(fake, body)
        if fault == "drop":
            self.close_connection = True
        else:
            self._send(status, data)

    do_GET = do_POST = do_PUT = do_DELETE = do_HEAD = handle_one  # noqa: N815

    def _respond(self, fake: FakeServer, body: bytes) -> Sent:
        try:
            if self.headers.get("Authorization") != f"Bearer {TOKEN}":
                raise UnauthenticatedError("the token is missing or not known")
            return fake.handle(self.command, self.path, body)
        except ValidationError as error:
            return 422, _error("invalid", str(error))
        except ServerError as error:
            return error.status, _error(error.code, str(error))

    def _send(self, status: int, data: bytes) -> None:
        self.send_response(status)
        self.send_header("Content-Length", str(len(data)))
        if status == 429:
            self.send_header("Retry-After", "0")
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(data)

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002
        pass


def _error(code: str, message: str) -> bytes:
    return json.dumps({"error": {"code": code, "message": message}}).encode()
