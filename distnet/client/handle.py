"""`distnet.submit`: queue a job from Python, and hold on to it."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, TypedDict, Unpack, overload

from distnet.client.client import Client
from distnet.client.follow import has_ended, has_nothing_left, pieces, until
from distnet.client.submission import prepare
from distnet.client.target import find_target
from distnet.errors import StoppedError, TrainingError


class Options(TypedDict, total=False):
    """What `submit` takes besides the job and a sweep; said there."""

    workers: int | None
    priority: int | None
    name: str | None
    team: str | None
    after: Sequence[str]
    start_from: str | None
    sets: Sequence[str]
    at: datetime | None
    hold: bool
    server: str | None
    context: str | None


@dataclass(frozen=True)
class Handle:
    """A job on a server, like a future."""

    name: str
    client: Client

    @property
    def status(self) -> str:
        """Its state at this moment: `waiting`, `running`, `finished`, `failed`, ..."""
        return str(self.client.details(self.name)["job"]["state"])

    def wait(self, timeout: float | None = None) -> str:
        """Wait until it has ended; returns its state. `timeout` in seconds.

        Raises:
            TimeoutError: it has not ended in time.
        """
        details = until(self.client.patient(), self.name, has_ended, timeout_s=timeout)
        return str(details["job"]["state"])

    def result(self, timeout: float | None = None) -> dict[str, Any]:
        """Wait until it has finished; returns what `result.json` of its run says.

        Raises:
            TimeoutError: it has not ended in time.
            TrainingError: it failed.
            StoppedError: it was stopped or cancelled.
        """
        details = until(self.client.patient(), self.name, has_ended, timeout_s=timeout)
        job = details["job"]
        if job["state"] == "failed":
            raise TrainingError(f"{self.name} failed: {job['error'] or job['reason']}")
        if job["state"] != "finished":
            raise StoppedError(f"{self.name} is {job['state']}: {job['reason']}")
        return dict(details["result"] or {})

    def logs(self, follow: bool = False, *, stream: str = "run") -> Iterator[str]:
        """Read a log piece by piece: what there is, or with `follow` until the job has ended."""
        client = self.client.patient() if follow else self.client
        for piece in pieces(client, self.name, stream, follow=follow):
            yield piece["text"]

    def stop(self, timeout: float | None = 300.0) -> str:
        """Have it save and end, and wait until no attempt of it lives; returns its state.

        Raises:
            TimeoutError: it has not ended in time; it was asked to, and will.
        """
        self.client.steer(self.name, "stop")
        details = until(self.client.patient(), self.name, has_nothing_left, timeout_s=timeout)
        return str(details["job"]["state"])

    def cancel(self) -> None:
        """Want nothing more of it; it ends soon, and is never started again."""
        self.client.steer(self.name, "cancel")

    def __repr__(self) -> str:
        """Name and server; the state would take a request."""
        return f"<Handle {self.name} at {self.client.target.server}>"


@overload
def submit(job: str | Path, **options: Unpack[Options]) -> Handle: ...
@overload
def submit(
    job: str | Path, *, sweep: Sequence[str], **options: Unpack[Options]
) -> list[Handle]: ...
def submit(
    job: str | Path,
    *,
    workers: int | None = None,
    priority: int | None = None,
    name: str | None = None,
    team: str | None = None,
    after: Sequence[str] = (),
    start_from: str | None = None,
    sweep: Sequence[str] = (),
    sets: Sequence[str] = (),
    at: datetime | None = None,
    hold: bool = False,
    server: str | None = None,
    context: str | None = None,
) -> Handle | list[Handle]:
    """Queue a job on a server; returns at once.

    Args:
        job: the job file.
        workers: instead of `resources.workers`.
        priority: instead of `queue.priority`.
        name: by default the job's and a number; the run folder's name.
        team: whose quota it counts against.
        after: jobs that must have ended: `JOB` (finished), `JOB:any` or `JOB:failed`.
        start_from: a job whose newest checkpoint this one begins with; it waits for that one.
        sweep: settings such as `train.seed=1..10` or `optimizer.kind=sgd,adam`, for a job of
            every combination; a list of handles is then returned.
        sets: overrides such as `train.epochs=3`.
        at: not before this time; one without a zone is local.
        hold: wait until it is released.
        server: the server's address; by default found as on the command line.
        context: the name of a context, instead of an address.

    Raises:
        JobFileError: the job file says what it cannot say; all faults are named.
        ServerError: the server refuses it (`code` says why), or does not answer.
    """
    client = Client(find_target(server, context))
    submission = prepare(
        job,
        sets=sets,
        after=after,
        start_from=start_from,
        sweep=sweep,
        workers=workers,
        priority=priority,
        name=name,
        team=team,
        at=None if at is None else at.timestamp(),
        hold=hold,
    )
    handles = [Handle(answer["name"], client) for answer in submission.send(client)]
    return handles if sweep else handles[0]
