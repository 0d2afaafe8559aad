"""`distnet.submit`: queue a job from Python and get a handle of it."""

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
from distnet.spec.reading.overrides import Overrides, as_texts


class Options(TypedDict, total=False):
    """The options of `submit`, which describes them, except for the sweep."""

    workers: int | None
    priority: int | None
    name: str | None
    team: str | None
    after: Sequence[str]
    start_from: str | None
    overrides: Overrides
    at: datetime | None
    hold: bool
    stop_early: bool
    trials_at_once: int | None
    server: str | None
    context: str | None


@dataclass(frozen=True)
class Handle:
    """A job on a server, like a future."""

    name: str
    client: Client

    @property
    def status(self) -> str:
        """Its state now: `waiting`, `running`, `finished`, `failed`, ..."""
        return str(self.client.details(self.name)["job"]["state"])

    def wait(self, timeout: float | None = None) -> str:
        """Wait until it has ended; returns its state. `timeout` in seconds.

        Raises:
            TimeoutError: it has not ended in time.
        """
        details = until(self.client.patient(), self.name, has_ended, timeout_s=timeout)
        return str(details["job"]["state"])

    def result(self, timeout: float | None = None) -> dict[str, Any]:
        """Wait until it has finished; returns the content of its run's `result.json`.

        A trial that its sweep has stopped early has one as well: how far it was trained.

        Raises:
            TimeoutError: it has not ended in time.
            TrainingError: it failed.
            StoppedError: it was stopped or cancelled.
        """
        details = until(self.client.patient(), self.name, has_ended, timeout_s=timeout)
        job = details["job"]
        if job["state"] == "failed":
            raise TrainingError(f"{self.name} failed: {job['error'] or job['reason']}")
        if job["state"] not in ("finished", "stopped early"):
            raise StoppedError(f"{self.name} is {job['state']}: {job['reason']}")
        return dict(details["result"] or {})

    def logs(self, follow: bool = False, *, stream: str = "run") -> Iterator[str]:
        """Read a log in pieces, up to its present end, or with `follow` until the job has ended."""
        client = self.client.patient() if follow else self.client
        for piece in pieces(client, self.name, stream, follow=follow):
            yield piece["text"]

    def stop(self, timeout: float | None = 300.0) -> str:
        """Stop it after a checkpoint, and wait until no attempt is running; returns its state.

        Raises:
            TimeoutError: it has not ended in time; the request stands.
        """
        self.client.control(self.name, "stop")
        details = until(self.client.patient(), self.name, has_nothing_left, timeout_s=timeout)
        return str(details["job"]["state"])

    def cancel(self) -> None:
        """Cancel it; if it is running, it saves a checkpoint first."""
        self.client.control(self.name, "cancel")

    def __repr__(self) -> str:
        """Name and server; reading the state would take a request."""
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
    overrides: Overrides = (),
    at: datetime | None = None,
    hold: bool = False,
    stop_early: bool = False,
    trials_at_once: int | None = None,
    server: str | None = None,
    context: str | None = None,
) -> Handle | list[Handle]:
    """Queue a job on a server; returns at once.

    Args:
        job: the job file.
        workers: instead of `resources.workers`.
        priority: instead of `queue.priority`.
        name: of the job and of its run folder; by default that of the job file, and a number.
        team: the team whose quota it counts against.
        after: jobs that must have ended first: `JOB` (finished), `JOB:any` or `JOB:failed`.
        start_from: a job whose newest checkpoint this one starts from; it waits for that job.
        sweep: settings such as `train.seed=1..10` or `optimizer.kind=sgd,adam`: one job for
            every combination; returns a list of handles.
        overrides: of keys of the job file: `{"train.epochs": 3}`, or `["train.epochs=3"]`.
        at: start no earlier; a time without a zone is local.
        hold: do not start it until it is released.
        stop_early: with a sweep: at each rung only the best third of the trials goes on.
        trials_at_once: with a sweep: run no more than this many at the same time.
        server: address of the server; by default as on the command line.
        context: the name of a context, instead of an address.

    Raises:
        JobFileError: the job file is invalid; the message lists every fault.
        ServerError: the server refuses it (`code` says why), or does not respond.
    """
    client = Client(find_target(server, context))
    submission = prepare(
        job,
        sets=as_texts(overrides),
        after=after,
        start_from=start_from,
        sweep=sweep,
        workers=workers,
        priority=priority,
        name=name,
        team=team,
        at=None if at is None else at.timestamp(),
        hold=hold,
        stop_early=stop_early or None,
        trials_at_once=trials_at_once,
    )
    handles = [Handle(reply["name"], client) for reply in submission.send(client)]
    return handles if sweep else handles[0]
