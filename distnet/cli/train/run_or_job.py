"""Whether a name means a run that is training here, or a job on a server."""

import os
from pathlib import Path

from distnet.cli.connect import connect
from distnet.client.client import Client, Json
from distnet.client.follow import has_ended
from distnet.errors import DistnetError, RunError
from distnet.protocol.errors import NotFoundError, ServerError
from distnet.report.find import LATEST, find_run
from distnet.run_folder.lock import is_held
from distnet.run_folder.paths import RunFolder


def find_run_or_job(
    reference: str, runs: Path, server: str | None, context: str | None
) -> RunFolder | Client:
    """Find the run that is training here, else the server that has this job.

    With `server` or `context` it is the server's job in any case; a path or `latest` is a run here.

    Raises:
        DistnetError: there is neither, or both.
    """
    if server is not None or context is not None:
        return connect(server, context)
    if reference == LATEST or os.sep in reference:
        return find_run(reference, runs)
    client = connect(None, None)
    job, refusal = _open_job(client, reference)
    try:
        folder = find_run(reference, runs)
    except RunError as error:
        if job is not None:
            return client  # which reports it if it has no such job either
        no_run = str(error).partition(". ")[0].rstrip("?")
        raise RunError(f"{no_run}; and no server to look for such a job: {refusal}") from None
    if not job:
        return folder
    if not is_held(folder) or _trains_in(job, folder):
        return client
    raise DistnetError(
        f"{reference}: found both a run that is training here and a job of "
        f"{client.target.server}, expected one; give {folder.path}, or --server "
        f"{client.target.server}"
    )


def _open_job(client: Client, name: str) -> tuple[Json | None, str]:
    """The JobDetails of a job that has not ended, empty if there is none; or None, and why."""
    try:
        details = Client(client.target, patience_s=0.0).details(name)
    except NotFoundError:
        return {}, ""
    except ServerError as error:
        return None, str(error)
    return ({} if has_ended(details) else details), ""


def _trains_in(job: Json, folder: RunFolder) -> bool:
    """Whether the run in this folder is an attempt of this job, so that the two are one."""
    path = job.get("folder")
    return path is not None and os.path.realpath(path) == os.path.realpath(folder.path)
