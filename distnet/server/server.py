"""The server: all operations that its HTTP API, its page and its tests use.

There is one lock. Every change is committed to the ledger before it is acknowledged.
"""

import logging
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field
from functools import partial

from distnet.protocol.attempt import AttemptConfig, Instructions, Report
from distnet.protocol.cluster import ClusterResponse, EventsResponse
from distnet.protocol.errors import UnavailableError
from distnet.protocol.jobs import JobDetails, JobResponse, JobsResponse, StreamResponse, WhyResponse
from distnet.protocol.node_commands import ExecResponse, NodeCommand
from distnet.protocol.schedules import ScheduleRequest, ScheduleResponse
from distnet.protocol.submit import SubmitRequest
from distnet.protocol.sweeps import SweepResponse
from distnet.protocol.usage import UsageResponse
from distnet.protocol.users import BlockResponse, TeamMessage, UserResponse
from distnet.server.attempts import reports
from distnet.server.datasets.datasets import Datasets
from distnet.server.datasets.in_use import DatasetsInUse
from distnet.server.datasets.store import DatasetStore
from distnet.server.gateway.gateway import Gateway
from distnet.server.jobs import blocking, commands, recurring
from distnet.server.jobs.draft import ANY, Reading, read_drafts
from distnet.server.jobs.node_commands import NodeCommands
from distnet.server.jobs.submit import submit
from distnet.server.ledger import Ledger, texts, users
from distnet.server.ledger.records import JobRecord, ScheduleRecord, TeamRecord, User
from distnet.server.loop.cluster_actions import Run
from distnet.server.loop.loop import Loop
from distnet.server.nodes.operations import NodeOperations
from distnet.server.settings import Settings
from distnet.server.state.mirror import Mirror
from distnet.server.state.node_groups import NodeGroups
from distnet.server.users.teams import set_team
from distnet.server.views import cluster, jobs, logs, reasons, sweep
from distnet.server.views.explainer import Explainer
from distnet.server.views.listing import JobFilter, list_jobs
from distnet.server.views.schedules import schedule_response
from distnet.server.views.turns import Turns
from distnet.server.views.usage import UsageFilter, usage

logger = logging.getLogger(__name__)


@dataclass
class Server:
    """A ledger, a scheduler and a cluster."""

    ledger: Ledger
    gateway: Gateway
    settings: Settings
    clock: Callable[[], float] = time.time
    monotonic: Callable[[], float] = time.monotonic
    run: Run = lambda action: action()
    """Runs actions on the cluster: now, or in a thread."""
    wake: Callable[[], None] = lambda: None
    """Called when there may be work before the next iteration of the loop."""
    mirror: Mirror = field(init=False)
    datasets: Datasets = field(init=False)
    loop: Loop = field(init=False)
    nodes: NodeOperations = field(init=False)
    _explainer: Explainer = field(default_factory=Explainer)
    _sums: Turns = field(default_factory=lambda: Turns("sums of hours"))
    _node_commands: NodeCommands = field(default_factory=NodeCommands)

    def __post_init__(self) -> None:
        limits = self.settings.limits
        store = DatasetStore(
            self.settings.dataset_folder, most_bytes=limits.dataset_bytes, clock=self.clock
        )
        self.mirror = Mirror(self.ledger, groups=NodeGroups(self.settings.groups), datasets=store)
        in_use = DatasetsInUse(self.mirror)
        self.datasets = Datasets(self.mirror, store, limits.body_bytes, self.clock, in_use)
        self.nodes = NodeOperations(self.mirror, self.clock, lambda: self.wake())  # noqa: PLW0108
        self.loop = Loop(
            self.mirror, self.gateway, self.settings, self.clock, self.monotonic, self.run
        )

    def open(self) -> None:
        """Load what is open from the ledger, and adopt live attempts."""
        self.datasets.store.open()
        with self.mirror.locked():
            self.mirror.opened_at = self.clock()
            self.mirror.load()
            self.loop.open()

    def tick(self) -> None:
        """Run one iteration of the loop."""
        self.loop.iterate()

    def release_nodes(self) -> None:
        """Let the autoscaler remove all nodes that become idle: nobody watches over them now."""
        if not self.settings.groups:
            return
        try:
            self.gateway.scale({})
        except UnavailableError as error:
            logger.warning("nodes that were requested are not given back: %s", error)

    def submit(
        self, user: User, requests: Sequence[SubmitRequest], reading: Reading = ANY
    ) -> tuple[list[JobRecord], bool]:
        """Queue jobs; returns them, and whether any is new. See `jobs/submit.py`."""
        now, allowance = self.clock(), self.settings.allowance
        drafts = read_drafts(user, requests, now=now, store=self.loop.checkpoints, reading=reading)
        queue = partial(submit, now=now, allowance=allowance, runs=self.settings.runs)
        records, is_new = self.mirror.change(lambda: queue(self.mirror, user, drafts))
        self.datasets.touch(draft.job.dataset for draft in drafts)
        self.wake()
        return records, is_new

    def cancel(self, user: User, name: str) -> JobRecord:
        """Cancel a job."""
        return self._command(commands.cancel, user, name)

    def stop(self, user: User, name: str) -> JobRecord:
        """Stop a job; a running one saves a checkpoint first."""
        return self._command(commands.stop, user, name)

    def hold(self, user: User, name: str) -> JobRecord:
        """Hold a job."""
        return self._command(commands.hold, user, name)

    def release(self, user: User, name: str) -> JobRecord:
        """Release a held job."""
        return self._command(commands.release, user, name)

    def retry(self, user: User, name: str) -> JobRecord:
        """Queue a job again that has ended."""
        return self._command(commands.retry, user, name)

    def resize(self, user: User, name: str, workers: int) -> JobRecord:
        """Change the number of workers of a job."""
        return self._command(commands.resize, user, name, workers)

    def set_priority(self, user: User, name: str, priority: int) -> JobRecord:
        """Change the priority of a job."""
        highest = self.settings.allowance.priority
        return self._command(commands.set_priority, user, name, priority, highest)

    def run_on_nodes(self, user: User, name: str, command: NodeCommand) -> ExecResponse:
        """Run a program on the nodes of a job, or read the stacks of its workers."""
        return self.mirror.change(
            lambda: self._node_commands.add(self.mirror, user, name, command, self.clock())
        )

    def job(self, record: JobRecord) -> JobResponse:
        """A job as users see it."""
        with self.mirror.locked():
            return jobs.job_response(self.mirror, record, self.clock())

    def jobs(self, wanted: JobFilter) -> JobsResponse:
        """A page of jobs, in the order of the scheduler."""
        with self.mirror.locked():
            return list_jobs(self.mirror, wanted, self.clock())

    def sweep(self, name: str) -> SweepResponse:
        """The jobs of a sweep, the best first."""
        with self.mirror.locked():
            return sweep.sweep(self.mirror, name, self.clock())

    def details(self, name: str) -> JobDetails:
        """Everything about one job."""
        with self.mirror.locked():
            return jobs.details(self.mirror, self.settings.runs, name, self.clock())

    def why(self, name: str) -> WhyResponse:
        """What a job waits for, and when it may start."""
        with self.mirror.locked():
            response = reasons.why(self.mirror, name, self.clock())
            if response.position is None:
                return response
            number = self.mirror.jobs[name].number
            view = self.loop.views.view(self.clock(), dict(self.loop.usage.values))
        estimate = self._explainer.estimate(view, number)
        return response.model_copy(update=asdict(estimate))

    def cluster(self) -> ClusterResponse:
        """The nodes, and the jobs on them."""
        with self.mirror.locked():
            return cluster.cluster(self.mirror, self.clock())

    def stream(self, name: str, stream: str, offset: int, limit: int) -> StreamResponse:
        """A piece of a log."""
        with self.mirror.locked():
            return logs.stream_piece(self.mirror, name, stream, offset, limit)

    def events(self, *, after: int = 0, job: str | None = None, limit: int = 500) -> EventsResponse:
        """A page of the event log."""
        with self.mirror.locked():
            return logs.event_page(self.mirror, after=after, job=job, limit=limit)

    def add_schedule(
        self, user: User, request: ScheduleRequest, reading: Reading = ANY
    ) -> ScheduleResponse:
        """Add a schedule."""
        drafts = read_drafts(user, [request.request], now=0.0, reading=reading)
        return self._schedule(lambda now: recurring.add(self.mirror, user, request, drafts, now))

    def schedules(self) -> list[ScheduleResponse]:
        """All schedules, by name."""
        with self.mirror.locked():
            schedules, blocked = self.mirror.schedules, self._blocked_users()
            return [schedule_response(schedules[name], blocked) for name in sorted(schedules)]

    def pause_schedule(self, user: User, name: str, is_paused: bool) -> ScheduleResponse:
        """Pause or resume a schedule."""
        return self._schedule(lambda now: recurring.pause(self.mirror, user, name, is_paused, now))

    def remove_schedule(self, user: User, name: str) -> None:
        """Remove a schedule."""
        self.mirror.change(lambda: recurring.remove(self.mirror, user, name, self.clock()))

    def block_jobs(self, by: User, blocked: UserResponse, *, cancel: bool) -> BlockResponse:
        """Hold or cancel the open jobs of a user who was blocked."""
        block = partial(blocking.block_jobs, self.mirror, by, blocked, cancel=cancel)
        done = self.mirror.change(lambda: block(now=self.clock()))
        self.wake()
        return done

    def jobs_of(self, user: UserResponse) -> BlockResponse:
        """The open jobs of a user who was unblocked."""
        with self.mirror.locked():
            return blocking.jobs_of(self.mirror, user)

    def put_code(self, sha256: str, data: bytes) -> None:
        """Keep an archive with a job's own files."""
        with self.ledger.transaction() as tx:
            texts.put_code(tx, sha256, data)

    def has_code(self, sha256: str) -> bool:
        """Whether the ledger has an archive."""
        with self.ledger.reading() as tx:
            return texts.has_code(tx, sha256)

    def attempt_config(self, secret: str) -> AttemptConfig:
        """The configuration of an attempt."""
        with self.mirror.locked():
            return reports.attempt_config(self.mirror, secret, self.settings)

    def code_of(self, secret: str) -> bytes:
        """The archive of an attempt's job."""
        with self.mirror.locked():
            return reports.code_of(self.mirror, secret)

    def report(self, secret: str, report: Report) -> Instructions:
        """Apply the report of an attempt."""
        instructions = self.mirror.change(lambda: self._take_report(secret, report))
        if report.exit is not None:
            self.wake()
        return instructions

    def usage(self, user: User, wanted: UsageFilter) -> UsageResponse:
        """The hours that jobs had; of other users only for an admin."""
        return usage(self.mirror, self._sums, user, wanted, self.clock())

    def teams(self) -> list[TeamMessage]:
        """The teams that have a weight, quota or limit."""
        with self.mirror.locked():
            teams = [self.mirror.teams[name] for name in sorted(self.mirror.teams)]
        return [TeamMessage.model_validate(team, from_attributes=True) for team in teams]

    def save_team(self, user: User, team: TeamMessage) -> TeamMessage:
        """Change the weight, quota and limit of a team."""
        record = TeamRecord(**team.model_dump())
        self.mirror.change(lambda: set_team(self.mirror, record, user.name, self.clock()))
        self.wake()
        return team

    def _take_report(self, secret: str, report: Report) -> Instructions:
        limits, now = self.settings.limits, self.clock()
        attempt = reports.live_attempt(self.mirror, secret)
        instructions = reports.take_report(self.mirror, secret, report, now, limits=limits)
        if attempt is None:  # the second of two equal exit records
            return instructions
        commands = self._node_commands.for_attempt(attempt.submission, report)
        return instructions.model_copy(update={"commands": commands})

    def _schedule(self, change: Callable[[float], ScheduleRecord]) -> ScheduleResponse:
        schedule = self.mirror.change(lambda: change(self.clock()))
        return schedule_response(schedule, self._blocked_users())

    def _blocked_users(self) -> set[str]:
        with self.ledger.reading() as tx:
            return users.blocked_users(tx)

    def _command(
        self, command: Callable[..., JobRecord], user: User, name: str, *values: int
    ) -> JobRecord:
        job = self.mirror.change(lambda: command(self.mirror, user, name, *values, self.clock()))
        self.wake()
        return job
