"""Find the run that a name means: here, else that of a server's job, which is copied here.

A run here comes first, and no request is sent then. Nothing is copied over a run of this machine.
"""

import os
import re
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, replace
from pathlib import Path

from distnet.client.absent import why_absent, why_unseen
from distnet.client.choice import NONE, choice
from distnet.client.client import Client
from distnet.client.contexts import load
from distnet.client.download import Progress
from distnet.client.run_copy import checkpoints_in
from distnet.client.server_job import ServerJob
from distnet.client.target import find_target, known_servers
from distnet.errors import DistnetError, RunError
from distnet.protocol.errors import ServerError, UnavailableError
from distnet.report.best import store_of
from distnet.report.find import LATEST, find_run
from distnet.report.run import read_run
from distnet.report.text import local_time
from distnet.run_folder.copies.fetched import Fetched, read_fetched
from distnet.run_folder.copies.files import CODE
from distnet.run_folder.paths import RunFolder, shown
from distnet.spec.checkpoint_store import is_folder
from distnet.spec.sections.section import NAME


def _unsaid(text: str) -> None:
    """Say nothing."""


def _unseen(job: ServerJob) -> AbstractContextManager[Progress]:
    """Show no progress."""
    del job
    return nullcontext(lambda _done, _all: None)


@dataclass(frozen=True)
class Copied:
    """What has come of a job."""

    folder: RunFolder
    checkpoints: list[str]
    """The names of those that were chosen, oldest first."""
    absent: str | None
    """What is missing, and where it is."""


@dataclass(frozen=True)
class Finder:
    """Finds runs and jobs by their names."""

    runs: Path
    """The folder of run folders."""
    server: str | None = None
    """With it, or a context, a name is that of a server's job in any case."""
    context: str | None = None
    say: Callable[[str], None] = _unsaid
    """Takes what the user should know."""
    transfer: Callable[[ServerJob], AbstractContextManager[Progress]] = _unseen
    """Shows the progress of a copy."""

    def find(self, reference: str, checkpoint: str | None = NONE) -> RunFolder:
        """Find a run here; else copy that of a server's job, or use it where this machine sees it.

        Args:
            reference: the name of a run or job, a folder, or `latest`.
            checkpoint: the one that is needed, as `--checkpoint` names it.

        Raises:
            RunError: there is neither a run nor a job, or the copy would replace another run.
            DistnetError: the server refuses it, or does not respond.
        """
        if self.server is not None or self.context is not None:
            client = Client(find_target(self.server, self.context))
            return self._of_server(ServerJob.find(client, reference), checkpoint)
        try:
            folder = find_run(reference, self.runs)
        except RunError as error:
            return self._of_server(_job(reference, error), checkpoint)
        if read_fetched(folder) is not None:
            return self.complete(folder, checkpoint)
        if reference != LATEST and os.sep not in reference and _names_server():
            here = f"using {shown(folder.path)}, a run of this machine"
            self.say(f"{here}; a server's job: add --server URL")
        return folder

    def copied(self, job: ServerJob, checkpoint: str | None) -> Copied:
        """Copy a job's records, and checkpoints as `choice` says.

        Raises:
            RunError: the folder has another run; there is no such checkpoint.
            DistnetError: the server refuses it, or it cannot be written.
        """
        with self.transfer(job) as progress:
            copy = job.copy(self.runs, progress)
            copy.bring_records()
            names = copy.bring_checkpoints(choice(copy.folder, checkpoint))
        absent = None if checkpoint == NONE else why_absent(job, copy)
        return Copied(RunFolder(shown(copy.folder.path)), names, absent)

    def complete(self, folder: RunFolder, checkpoint: str | None) -> RunFolder:
        """Bring what a copy lacks; that of a job that was live is brought up to date.

        Raises:
            DistnetError: what is needed cannot be copied.
        """
        fetched = read_fetched(folder)
        if fetched is None:
            return folder
        origin = f"{shown(folder.path)} is a copy of {fetched.job} of {fetched.server}"
        when = f"{origin}, as it was at {local_time(fetched.at)} ({fetched.state})"
        is_missing = checkpoint != NONE and _is_missing(folder, checkpoint)
        if not fetched.is_unchanged(folder) or not (fetched.is_live or is_missing):
            self.say(when)
            return folder
        try:
            job = ServerJob.find(self._client_of(fetched), fetched.job)
            if is_missing and folder.code.is_dir() and not checkpoints_in(folder):
                job.require_own()
            return replace(self, runs=folder.path.parent)._weights(job, checkpoint)
        except DistnetError as error:
            if is_missing:
                raise
            self.say(f"{when}; it is not brought up to date: {error}")
            return folder

    def _of_server(self, job: ServerJob, checkpoint: str | None) -> RunFolder:
        """Where the run of a job is: seen here, or copied."""
        files = job.copy(self.runs).listed()
        if checkpoint != NONE and any(file.path.startswith(f"{CODE}/") for file in files):
            job.require_own()
        origin = f"{job.name} is a job of {job.client.target.server}"
        if (seen := job.seen_here(files)) is not None:
            self.say(f"{origin}; its run folder is here: {seen.path}")
            if checkpoint != NONE and (unseen := why_unseen(job, seen)) is not None:
                raise RunError(unseen)
            return seen
        self.say(f"{origin}: it is fetched into {shown(self.runs / job.name)}")
        return self._weights(job, checkpoint)

    def _weights(self, job: ServerJob, checkpoint: str | None) -> RunFolder:
        """Copy a job with the checkpoint that is needed.

        Raises:
            RunError: it has none, or the server does not give it.
        """
        copied = self.copied(job, checkpoint)
        if copied.absent is not None:
            if not checkpoints_in(copied.folder):
                raise RunError(copied.absent)
            self.say(f"note: {copied.absent}")
        return copied.folder

    def _client_of(self, fetched: Fetched) -> Client:
        """A client of the server that a copy is from, if the user has named that server.

        Raises:
            RunError: nobody has: a token goes to no server that only a file names.
        """
        if self.server is not None or self.context is not None:
            target = find_target(self.server, self.context)
            if target.server == fetched.server:
                return Client(target)
        if fetched.server not in known_servers():
            raise RunError(f"no context has its server: distnet context add NAME {fetched.server}")
        return Client(find_target(fetched.server))


def _job(name: str, no_run: RunError) -> ServerJob:
    """The job of a name that no run here has.

    Raises:
        RunError: there is none either, or no server to ask.
    """
    if re.fullmatch(NAME, name) is None or name == LATEST:
        raise no_run
    client = Client(find_target())
    try:
        found = ServerJob.find(Client(client.target, patience_s=0.0), name)
        return replace(found, client=client)
    except ServerError as error:
        if isinstance(error, UnavailableError) and not _names_server():
            raise no_run from None
        raise RunError(f"{no_run}\non {client.target.server}: {error}") from None


def _names_server() -> bool:
    """Whether the user works with a server: a context or the environment names one."""
    return bool(os.environ.get("DISTNET_SERVER")) or load().current is not None


def _is_missing(folder: RunFolder, checkpoint: str | None) -> bool:
    """Whether the checkpoint that is needed was not copied."""
    names, run = checkpoints_in(folder), read_run(folder)
    if not is_folder(store_of(run)):
        return False
    if checkpoint is not None and checkpoint.isdecimal():
        return f"step-{int(checkpoint):08d}" not in names
    saved = [record.folder.rsplit("/", 1)[-1] for record in run.history.checkpoints]
    return not set(choice(folder, checkpoint)(saved)) <= set(names)
