"""The server: everything that its HTTP API, its page and its tests may ask of it.

One lock. Every change is one transaction of the ledger before it is acknowledged.
"""

import hashlib
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field

from distnet.protocol.attempt import Orders, Report, Task
from distnet.protocol.cluster import ClusterAnswer, EventsAnswer
from distnet.protocol.errors import InvalidError, NotFoundError
from distnet.protocol.jobs import JobAnswer, JobDetails, JobsAnswer, StreamAnswer, WhyAnswer
from distnet.protocol.schedules import ScheduleAnswer, ScheduleRequest
from distnet.protocol.submit import SubmitRequest
from distnet.protocol.users import TeamMessage
from distnet.server.attempts import reports
from distnet.server.gateway.gateway import Gateway
from distnet.server.jobs import schedules, steer
from distnet.server.jobs.submit import draft, submit
from distnet.server.ledger import Ledger, texts
from distnet.server.ledger.records import JobRecord, ScheduleRecord, TeamRecord, User
from distnet.server.loop.loop import Rounds, Run
from distnet.server.settings import Settings
from distnet.server.state.mirror import Mirror
from distnet.server.views import jobs as answers
from distnet.server.views import nodes as machines
from distnet.server.views.explain import Explainer
from distnet.server.views.listing import Wanted, list_jobs


def _at_once(errand: Callable[[], None]) -> None:
    errand()


@dataclass
class Server:
    """A ledger, a scheduler and a cluster."""

    ledger: Ledger
    gateway: Gateway
    settings: Settings
    clock: Callable[[], float] = time.time
    monotonic: Callable[[], float] = time.monotonic
    run: Run = _at_once
    """Runs what is asked of the cluster: at once, or in a thread."""
    poked: Callable[[], None] = lambda: None
    """Called when there may be something to do before the next round."""
    mirror: Mirror = field(init=False)
    rounds: Rounds = field(init=False)
    _explainer: Explainer = field(default_factory=Explainer)

    def __post_init__(self) -> None:
        self.mirror = Mirror(self.ledger)
        self.rounds = Rounds(
            self.mirror, self.gateway, self.settings, self.clock, self.monotonic, self.run
        )

    def open(self) -> None:
        """Read what is open; attempts that live are adopted."""
        with self.mirror.held():
            self.mirror.opened_at = self.clock()
            self.mirror.load()
            self.rounds.open()

    def tick(self) -> None:
        """Make one round: look, plan, act."""
        self.rounds.round()

    def submit(self, user: User, requests: Sequence[SubmitRequest]) -> tuple[list[JobRecord], bool]:
        """Queue jobs, see `submit.submit`."""
        now, allowance = self.clock(), self.settings.allowance
        drafts = draft(user, requests, now=now)
        with self.mirror.held():
            records, is_new = submit(self.mirror, user, drafts, now=now, allowance=allowance)
            records = [self.mirror.jobs.get(record.name, record) for record in records]
        self.poked()
        return records, is_new

    def cancel(self, user: User, name: str) -> JobRecord:
        """End a job for good."""
        return self._steer(steer.cancel, user, name)

    def stop(self, user: User, name: str) -> JobRecord:
        """Have a job save and end."""
        return self._steer(steer.stop, user, name)

    def hold(self, user: User, name: str) -> JobRecord:
        """Keep a job from training."""
        return self._steer(steer.hold, user, name)

    def release(self, user: User, name: str) -> JobRecord:
        """Let a held job wait for its turn."""
        return self._steer(steer.release, user, name)

    def retry(self, user: User, name: str) -> JobRecord:
        """Queue a job that has ended again."""
        return self._steer(steer.retry, user, name)

    def resize(self, user: User, name: str, workers: int) -> JobRecord:
        """Give a job another number of workers."""
        return self._steer(steer.resize, user, name, workers)

    def set_priority(self, user: User, name: str, priority: int) -> JobRecord:
        """Give a job another priority."""
        return self._steer(
            steer.set_priority, user, name, priority, self.settings.allowance.priority
        )

    def answer(self, job: JobRecord) -> JobAnswer:
        """A job as users see it."""
        with self.mirror.held():
            return answers.job_answer(self.mirror, job, self.clock())

    def jobs(self, wanted: Wanted) -> JobsAnswer:
        """Jobs in the order of the schedule, or those that have ended."""
        with self.mirror.held():
            return list_jobs(self.mirror, wanted, self.clock())

    def details(self, name: str) -> JobDetails:
        """Everything about one job."""
        with self.mirror.held():
            return answers.details(self.mirror, self.settings.runs, name, self.clock())

    def why(self, name: str) -> WhyAnswer:
        """What a job waits for."""
        with self.mirror.held():
            answer = answers.why(self.mirror, name, self.clock())
            if answer.position is None:
                return answer
            number = self.mirror.jobs[name].number
            view = self.rounds.world.view(self.clock(), dict(self.rounds.usage.values))
        estimate = self._explainer.estimate(view, number)
        return answer.model_copy(update=asdict(estimate))

    def cluster(self) -> ClusterAnswer:
        """The machines, and who is on them."""
        with self.mirror.held():
            return machines.cluster(self.mirror, self.clock())

    def stream(self, name: str, stream: str, offset: int, limit: int) -> StreamAnswer:
        """A piece of a log."""
        with self.mirror.held():
            return answers.stream(self.mirror, name, stream, offset, limit)

    def events(self, *, after: int = 0, job: str | None = None, limit: int = 500) -> EventsAnswer:
        """A part of the event log."""
        with self.mirror.held():
            if job is not None:
                steer.find(self.mirror, job)
            return answers.event_answers(self.mirror, after=after, job=job, limit=limit)

    def add_schedule(self, user: User, request: ScheduleRequest) -> ScheduleAnswer:
        """Add a schedule."""
        with self.mirror.held():
            return _shown(schedules.add(self.mirror, user, request, self.clock()))

    def schedules(self) -> list[ScheduleAnswer]:
        """All schedules, by name."""
        with self.mirror.held():
            return [_shown(self.mirror.schedules[name]) for name in sorted(self.mirror.schedules)]

    def pause_schedule(self, user: User, name: str, is_paused: bool) -> ScheduleAnswer:
        """Pause a schedule, or let it go on."""
        with self.mirror.held():
            return _shown(schedules.pause(self.mirror, user, name, is_paused, self.clock()))

    def remove_schedule(self, user: User, name: str) -> None:
        """Remove a schedule."""
        with self.mirror.held():
            schedules.remove(self.mirror, user, name, self.clock())

    def put_code(self, sha256: str, data: bytes) -> None:
        """Keep an archive with a job's own files.

        Raises:
            InvalidError: `wrong_hash`.
        """
        found = hashlib.sha256(data).hexdigest()
        if found != sha256:
            raise InvalidError(
                f"found an archive with sha256 {found}, expected {sha256}", code="wrong_hash"
            )
        with self.ledger.transaction() as tx:
            texts.put_code(tx, sha256, data)

    def has_code(self, sha256: str) -> bool:
        """Whether an archive is here."""
        with self.ledger.reading() as tx:
            return texts.has_code(tx, sha256)

    def task(self, secret: str) -> Task:
        """What an attempt is to do."""
        runs, every_s = str(self.settings.runs), self.settings.report_every_s
        with self.mirror.held():
            return reports.task(self.mirror, secret, runs=runs, report_every_s=every_s)

    def code_of(self, secret: str) -> bytes:
        """The archive of an attempt's job."""
        with self.mirror.held():
            job, _ = reports.find(self.mirror, secret)
            if job.code is None:
                raise NotFoundError(f"{job.name} has no files of its own")
            with self.ledger.reading() as tx:
                data = texts.read_code(tx, job.code)
        if data is None:
            raise NotFoundError(f"the files of {job.name} are missing in the ledger")
        return data

    def report(self, secret: str, said: Report) -> Orders:
        """Take down what an attempt says."""
        most = self.settings.limits.log_bytes
        with self.mirror.held():
            orders = reports.report(self.mirror, secret, said, self.clock(), most_bytes=most)
        if said.exit is not None:
            self.poked()
        return orders

    def teams(self) -> list[TeamMessage]:
        """The teams that have entitlements."""
        with self.mirror.held():
            teams = [self.mirror.teams[name] for name in sorted(self.mirror.teams)]
        return [TeamMessage.model_validate(team, from_attributes=True) for team in teams]

    def save_team(self, user: User, team: TeamMessage) -> TeamMessage:
        """Give a team other entitlements."""
        with self.mirror.held():
            self.mirror.set_team(TeamRecord(**team.model_dump()), user.name, self.clock())
        self.poked()
        return team

    def _steer(
        self, verb: Callable[..., JobRecord], user: User, name: str, *more: int
    ) -> JobRecord:
        with self.mirror.held():
            job = verb(self.mirror, user, name, *more, self.clock())
        self.poked()
        return job


def _shown(schedule: ScheduleRecord) -> ScheduleAnswer:
    return ScheduleAnswer(
        name=schedule.name,
        owner=schedule.owner,
        cron=schedule.cron,
        at=schedule.at,
        tz=schedule.tz,
        overlap=schedule.overlap,
        missed=schedule.missed,
        is_paused=schedule.is_paused,
        next_at=schedule.next_at,
        last_at=schedule.last_at,
        last_job=schedule.last_job,
        num_runs=schedule.num_runs,
    )
