"""Find the run that a command means: here, else that of a server's job, which is copied here.

A run here comes first, and no request is sent then. Nothing is copied over a run of this machine.
"""

import os
import re
from dataclasses import replace
from pathlib import Path

from distnet.cli.connect import connect
from distnet.cli.output import say
from distnet.cli.results.copying import NONE, ServerJob, choice, copied
from distnet.client.client import Client
from distnet.client.contexts import load
from distnet.client.run_copy import checkpoints_in
from distnet.client.target import known_servers
from distnet.errors import DistnetError, RunError
from distnet.protocol.errors import ServerError, UnavailableError
from distnet.report.best import store_of
from distnet.report.find import LATEST, find_run
from distnet.report.run import read_run
from distnet.report.text import local_time
from distnet.run_folder.copies.fetched import Fetched, read_fetched
from distnet.run_folder.paths import RunFolder, shown
from distnet.spec.sections.section import NAME


def find_or_fetch(  # noqa: PLR0917
    reference: str,
    runs: Path,
    server: str | None,
    context: str | None,
    *,
    checkpoint: str | None = None,
    has_weights: bool = True,
) -> RunFolder:
    """Find a run here; else copy that of a server's job, or use it where this machine sees it.

    Args:
        reference: the name of a run or job, a folder, or `latest`.
        runs: the folder of run folders.
        server: with it, or a context, it is the server's job in any case.
        context: the name of a context.
        checkpoint: the one that is needed, as `--checkpoint` names it.
        has_weights: whether a checkpoint is needed at all.

    Raises:
        RunError: there is neither a run nor a job, or the copy would replace another run.
        DistnetError: the server refuses it, or does not respond.
    """
    wanted = checkpoint if has_weights else NONE
    if server is not None or context is not None:
        return _of_server(ServerJob.find(connect(server, context), reference), runs, wanted)
    try:
        folder = find_run(reference, runs)
    except RunError as error:
        return _of_server(_job(reference, error), runs, wanted)
    fetched = read_fetched(folder)
    if fetched is not None:
        return _completed(folder, fetched, wanted)
    if reference != LATEST and os.sep not in reference and _names_server():
        say(f"using {shown(folder.path)}, a run of this machine; a server's job: add --server URL")
    return folder


def _job(name: str, no_run: RunError) -> ServerJob:
    """The job of a name that no run here has.

    Raises:
        RunError: there is none either, or no server to ask.
    """
    if re.fullmatch(NAME, name) is None or name == LATEST:
        raise no_run
    client = connect(None, None)
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


def _of_server(job: ServerJob, runs: Path, checkpoint: str | None) -> RunFolder:
    """Where the run of a job is: seen here, or copied."""
    files = job.copy(runs).listed()
    if checkpoint != NONE:
        job.require_own_code_known(files)
    origin = f"{job.name} is a job of {job.client.target.server}"
    if (seen := job.seen_here(files)) is not None:
        say(f"{origin}; its run folder is here: {seen.path}")
        return seen
    say(f"{origin}: it is fetched into {shown(runs / job.name)}")
    return copied(job, runs, checkpoint)[0]


def _completed(folder: RunFolder, fetched: Fetched, checkpoint: str | None) -> RunFolder:
    """A copy with what the command needs; that of a job that was live is brought up to date."""
    origin = f"{shown(folder.path)} is a copy of {fetched.job} of {fetched.server}"
    when = f"{origin}, as it was at {local_time(fetched.at)} ({fetched.state})"
    is_missing = checkpoint != NONE and _is_missing(folder, checkpoint)
    if not fetched.is_unchanged(folder) or not (fetched.is_live or is_missing):
        say(when)
        return folder
    try:
        if fetched.server not in known_servers():  # a token goes to no server that a file names
            raise RunError(f"no context has its server: distnet context add NAME {fetched.server}")
        job = ServerJob.find(connect(fetched.server, None), fetched.job)
        return copied(job, folder.path.parent, checkpoint)[0]
    except DistnetError as error:
        if is_missing:
            raise
        say(f"{when}; it is not brought up to date: {error}")
        return folder


def _is_missing(folder: RunFolder, checkpoint: str | None) -> bool:
    """Whether the checkpoint that is needed was not copied."""
    names, run = checkpoints_in(folder), read_run(folder)
    if store_of(run) is not None:
        return False
    if checkpoint is not None and checkpoint.isdecimal():
        return f"step-{int(checkpoint):08d}" not in names
    saved = [record.folder.rsplit("/", 1)[-1] for record in run.history.checkpoints]
    return not set(choice(folder, checkpoint)(saved)) <= set(names)
