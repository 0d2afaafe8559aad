"""The server: everything that its HTTP API, its page and its tests may ask of it.

One lock. Every change is one transaction of the ledger before it is acknowledged.
"""

import hashlib
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field

from distnet.server import answers, machines, reports, schedules, steer
from distnet.server.book import Book
from distnet.server.errors import InvalidError, NotFoundError
from distnet.server.explaining import Explainer
from distnet.server.gateway import Gateway
from distnet.server.ledger import Ledger, texts
from distnet.server.listing import Wanted, list_jobs
from distnet.server.messages.attempt import Orders, Report, Task
from distnet.server.messages.cluster import ClusterAnswer, EventsAnswer
from distnet.server.messages.jobs import JobAnswer, JobDetails, JobsAnswer, StreamAnswer, WhyAnswer
from distnet.server.messages.people import TeamMessage
from distnet.server.messages.schedules import ScheduleAnswer, ScheduleRequest
from distnet.server.messages.submit import SubmitRequest
from distnet.server.records import JobRecord, ScheduleRecord, TeamRecord, User
from distnet.server.rounds import Rounds, Run
from distnet.server.settings import Settings
from distnet.server.submit import draft, submit


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
    book: Book = field(init=False)
    rounds: Rounds = field(init=False)
    _explainer: Explainer = field(default_factory=Explainer)

    def __post_init__(self) -> None:
        self.book = Book(self.ledger)
        self.rounds = Rounds(
            self.book, self.gateway, self.settings, self.clock, self.monotonic, self.run
        )

    def open(self) -> None:
        """Read what is open; attempts that live are adopted."""
        with self.book.held():
            self.book.opened_at = self.clock()
            self.book.load()
            self.rounds.open()

    def tick(self) -> None:
        """Make one round: look, plan, act."""
        self.rounds.round()

    def submit(self, user: User, requests: Sequence[SubmitRequest]) -> tuple[list[JobRecord], bool]:
        """Queue jobs, see `submit.submit`."""
        now, allowance = self.clock(), self.settings.allowance
        drafts = draft(user, requests, now=now)
        with self.book.held():
            records, is_new = submit(self.book, user, drafts, now=now, allowance=allowance)
            records = [self.book.jobs.get(record.name, record) for record in records]
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
        with self.book.held():
            return answers.job_answer(self.book, job, self.clock())

    def jobs(self, wanted: Wanted) -> JobsAnswer:
        """Jobs in the order of the schedule, or those that have ended."""
        with self.book.held():
            return list_jobs(self.book, wanted, self.clock())

    def details(self, name: str) -> JobDetails:
        """Everything about one job."""
        with self.book.held():
            return answers.details(self.book, self.settings.runs, name, self.clock())

    def why(self, name: str) -> WhyAnswer:
        """What a job waits for."""
        with self.book.held():
            answer = answers.why(self.book, name, self.clock())
            if answer.position is None:
                return answer
            number = self.book.jobs[name].number
            view = self.rounds.world.view(self.clock(), dict(self.rounds.usage.values))
        estimate = self._explainer.estimate(view, number)
        return answer.model_copy(update=asdict(estimate))

    def cluster(self) -> ClusterAnswer:
        """The machines, and who is on them."""
        with self.book.held():
            return machines.cluster(self.book, self.clock())

    def stream(self, name: str, stream: str, offset: int, limit: int) -> StreamAnswer:
        """A piece of a log."""
        with self.book.held():
            return answers.stream(self.book, name, stream, offset, limit)

    def events(self, *, after: int = 0, job: str | None = None, limit: int = 500) -> EventsAnswer:
        """A part of the event log."""
        with self.book.held():
            if job is not None:
                steer.find(self.book, job)
            return answers.event_answers(self.book, after=after, job=job, limit=limit)

    def add_schedule(self, user: User, request: ScheduleRequest) -> ScheduleAnswer:
        """Add a schedule."""
        with self.book.held():
            return _shown(schedules.add(self.book, user, request, self.clock()))

    def schedules(self) -> list[ScheduleAnswer]:
        """All schedules, by name."""
        with self.book.held():
            return [_shown(self.book.schedules[name]) for name in sorted(self.book.schedules)]

    def pause_schedule(self, user: User, name: str, is_paused: bool) -> ScheduleAnswer:
        """Pause a schedule, or let it go on."""
        with self.book.held():
            return _shown(schedules.pause(self.book, user, name, is_paused, self.clock()))

    def remove_schedule(self, user: User, name: str) -> None:
        """Remove a schedule."""
        with self.book.held():
            schedules.remove(self.book, user, name, self.clock())

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
        with self.book.held():
            return reports.task(self.book, secret, runs=runs, report_every_s=every_s)

    def code_of(self, secret: str) -> bytes:
        """The archive of an attempt's job."""
        with self.book.held():
            job, _ = reports.find(self.book, secret)
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
        with self.book.held():
            orders = reports.report(self.book, secret, said, self.clock(), most_bytes=most)
        if said.exit is not None:
            self.poked()
        return orders

    def teams(self) -> list[TeamMessage]:
        """The teams that have entitlements."""
        with self.book.held():
            teams = [self.book.teams[name] for name in sorted(self.book.teams)]
        return [TeamMessage.model_validate(team, from_attributes=True) for team in teams]

    def save_team(self, user: User, team: TeamMessage) -> TeamMessage:
        """Give a team other entitlements."""
        with self.book.held():
            self.book.set_team(TeamRecord(**team.model_dump()), user.name, self.clock())
        self.poked()
        return team

    def _steer(
        self, verb: Callable[..., JobRecord], user: User, name: str, *more: int
    ) -> JobRecord:
        with self.book.held():
            job = verb(self.book, user, name, *more, self.clock())
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
