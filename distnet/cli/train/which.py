"""Whether a name means a run that a process here trains, or a job of a server."""

import os
from pathlib import Path
from typing import TYPE_CHECKING

from distnet.cli.queue.connect import connect
from distnet.errors import DistnetError, RunError
from distnet.run_folder.paths import RunFolder

if TYPE_CHECKING:
    from distnet.client.client import Answer, Client

LATEST = "latest"


def find_run_or_job(
    reference: str, runs: Path, server: str | None, context: str | None
) -> "RunFolder | Client":
    """Find the run here that somebody trains, else the server that has this job.

    With `server` or `context` it is the server's in any case, and with a path or `latest` the
    run here.

    Raises:
        DistnetError: there is neither, or both.
    """
    from distnet.report.find import find_run
    from distnet.run_folder.lock import is_held

    if server is not None or context is not None:
        return connect(server, context)
    if reference == LATEST or os.sep in reference:
        return find_run(reference, runs)
    client = connect(None, None)
    job, silence = _open_job(client, reference)
    try:
        folder = find_run(reference, runs)
    except RunError as error:
        if job is not None:
            return client  # which says so if it has no such job either
        here = str(error).partition(". ")[0].rstrip("?")
        raise RunError(f"{here}; nor can a server be asked for such a job: {silence}") from None
    if not job:
        return folder
    if not is_held(folder) or _is_in(folder, job):
        return client
    raise DistnetError(
        f"{reference} is a run that a process here trains and a job of {client.target.server}; "
        f"say which: {folder.path}, or --server {client.target.server}"
    )


def _open_job(client: "Client", name: str) -> "tuple[Answer | None, str]":
    """The JobDetails of a job that is not over, empty if there is none; or None, and why."""
    from distnet.client.client import Client
    from distnet.client.follow import has_ended
    from distnet.protocol.errors import NotFoundError, ServerError

    try:
        details = Client(client.target, patience_s=0.0).details(name)
    except NotFoundError:
        return {}, ""
    except ServerError as error:
        return None, str(error)
    return ({} if has_ended(details) else details), ""


def _is_in(folder: RunFolder, job: "Answer") -> bool:
    """Whether it is a server's attempt that trains in this folder: then the two are one."""
    where = job.get("folder")
    return where is not None and os.path.realpath(where) == os.path.realpath(folder.path)
