"""Copy the run of a server's job here, with progress, and say what was copied."""

import re
import time
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from distnet.cli.data.progress import transfer_bar
from distnet.cli.interrupt import says_when_stopped
from distnet.cli.output import say
from distnet.client.client import Client, Json
from distnet.client.download import Progress
from distnet.client.run_copy import Choose, Files, RunCopy, seen_here
from distnet.errors import RunError
from distnet.protocol.errors import NotFoundError
from distnet.report.best import best_kept, keeps_best, store_of
from distnet.report.run import read_run
from distnet.run_folder.copies.files import CODE
from distnet.run_folder.paths import RunFolder, shown
from distnet.spec.amounts import shown_bytes
from distnet.spec.sections.section import NAME, NAMED

NEWEST, BEST, ALL, NONE = "newest", "best", "all", "none"


@dataclass(frozen=True)
class ServerJob:
    """A job of a server, and who asks for it."""

    client: Client
    details: Json
    """Its JobDetails."""
    user: str
    server_id: str

    @classmethod
    def find(cls, client: Client, name: str) -> "ServerJob":
        """Find a job by its name.

        Raises:
            NotFoundError: there is none.
            RunError: it is no name of a job, or that of a sweep.
            ServerError: the server refuses it, or does not respond.
        """
        if re.fullmatch(NAME, name) is None:
            raise RunError(f"{name}: expected the name of a job: {NAMED}")
        try:
            details = client.details(name)
        except NotFoundError as error:
            raise _sweep_error(client, name) or error from None
        if details["job"]["name"] != name:  # it becomes the name of a folder here
            raise RunError(f"{client.target.server}: found another job than {name}")
        who = client.whoami()
        return cls(client, details, str(who["user"]), str(who["server"]))

    @property
    def name(self) -> str:
        """The name of the job."""
        return str(self.details["job"]["name"])

    @property
    def page(self) -> str:
        """The address of its page."""
        return f"{self.client.target.server}/#/jobs/{self.name}"

    def copy(self, runs: Path, progress: Progress = lambda _done, _all: None) -> RunCopy:
        """Its copy in a folder of runs; nothing is copied yet."""
        folder, client = RunFolder(runs / self.name), self.client.patient()
        return RunCopy(client, self.details["job"], self.server_id, folder, progress)

    def seen_here(self, files: Files) -> RunFolder | None:
        """Its run folder, if this machine sees it."""
        found = seen_here(self.details, files)
        return found and RunFolder(shown(found.path))

    def require_own_code_known(self, files: Files) -> None:
        """Refuse to run code of another user that nobody has looked at.

        Raises:
            RunError: the job has own code of another user.
        """
        owner = self.details["job"]["owner"]
        if owner != self.user and any(file.path.startswith(f"{CODE}/") for file in files):
            raise RunError(
                f"{self.name}: this job of {owner} brings code of its own, which would run here; "
                f"look at it first: distnet fetch {self.name}, then call this again"
            )


def copied(job: ServerJob, runs: Path, checkpoint: str | None) -> tuple[RunFolder, list[str]]:
    """Copy a job's records, and checkpoints as `choice` says; returns the folder, and their names.

    Raises:
        RunError: the folder has another run; there is no such checkpoint.
        DistnetError: the server refuses it, or it cannot be written.
    """
    with _progress(job) as progress:
        copy = job.copy(runs, progress)
        copy.bring_records()
        names = copy.bring_checkpoints(choice(copy.folder, checkpoint))
    if not names and checkpoint != NONE:
        _say_no_checkpoints(job, copy.folder)
    return RunFolder(shown(copy.folder.path)), names


def choice(folder: RunFolder, checkpoint: str | None) -> Choose:
    """Choose among the checkpoints of a run whose records are here.

    Args:
        folder: its folder.
        checkpoint: `newest`, `best`, `all`, `none`, or a step; by default the newest, and the best
            one as well if the job keeps it.
    """

    def choose(names: list[str]) -> Collection[str]:
        if checkpoint in (ALL, NONE) or not names:
            return names if checkpoint == ALL else ()
        if checkpoint == NEWEST:
            return names[-1:]
        if checkpoint is not None and checkpoint.isdecimal():
            return [_of_step(folder, names, int(checkpoint))]
        run = read_run(folder)
        best = best_kept(run, names)
        if checkpoint == BEST:
            if best is None:
                raise RunError(f"{folder.name}: none of its checkpoints was evaluated; name a step")
            return [best]
        if checkpoint is not None:
            raise RunError(
                f"--checkpoint {checkpoint}: expected newest, best, all, none, or a step"
            )
        return {names[-1], best or names[-1]} if keeps_best(run) else names[-1:]

    return choose


def _of_step(folder: RunFolder, names: list[str], step: int) -> str:
    name = f"step-{step:08d}"
    if name not in names:
        steps = ", ".join(str(int(name.removeprefix("step-"))) for name in names)
        raise RunError(f"{folder.name}: no checkpoint of step {step}; the server has: {steps}")
    return name


@contextmanager
def _progress(job: ServerJob) -> Iterator[Progress]:
    """Yield what takes the progress of a copy; says at its end what was copied."""
    name, began, num_bytes = job.name, time.monotonic(), 0
    stopped = "what has arrived stays; to go on from there, run the command again"
    with says_when_stopped(stopped), transfer_bar() as bar:
        task = bar.add_task(f"fetching {name}", total=None, visible=False)
        before = 0

        def on_progress(done: int, total: int) -> None:
            nonlocal num_bytes, before
            num_bytes += done - (before if done >= before else 0)
            before = done
            bar.update(task, completed=done, total=total, visible=True)

        yield on_progress
    if num_bytes:
        seconds = time.monotonic() - began
        origin = job.client.target.server
        say(f"fetched {name} from {origin}: {shown_bytes(num_bytes)} in {seconds:.1f} s")


def _say_no_checkpoints(job: ServerJob, folder: RunFolder) -> None:
    """Say where the checkpoints are that were not copied."""
    store = store_of(read_run(folder))
    if store is None:
        say(f"{job.name} has saved no checkpoint yet")
    else:
        say(
            f"note: {job.name} keeps its checkpoints in {store}, where commands here read them, too"
        )


def _sweep_error(client: Client, name: str) -> RunError | None:
    """Point out that a name is that of a sweep; None if it is not."""
    try:
        best = client.sweep(name)["best"]
    except NotFoundError:
        return None
    which = f"its best job so far is {best}: give that name" if best else "no job has a result yet"
    return RunError(f"{name}: found a sweep, expected a job; {which}; see: distnet sweep {name}")
