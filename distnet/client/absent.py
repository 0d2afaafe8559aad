"""What is to be said where the checkpoints of a server's job do not come with its records."""

from collections.abc import Mapping
from pathlib import Path

from distnet.client.run_copy import RunCopy
from distnet.client.server_job import ServerJob
from distnet.protocol.errors import ServerError
from distnet.report.best import store_of
from distnet.report.run import read_run
from distnet.run_folder.paths import RunFolder
from distnet.spec.checkpoint_store import is_folder
from distnet.spec.plural import listed

MOST_NODES = 8


def why_absent(job: ServerJob, copy: RunCopy) -> str | None:
    """Say what is missing of the checkpoints after a copy, and where it is; None if nothing is.

    Those in an object store are not missing: commands read them there.

    Raises:
        RunError: a record of the copy is damaged.
    """
    run = read_run(copy.folder)
    store, saved = store_of(run), run.history.checkpoints
    if not saved:
        return None if copy.kept else f"{job.name} has saved no checkpoint yet"
    newest = saved[-1].folder.rsplit("/", 1)[-1]
    if not is_folder(store) or newest <= max(copy.kept, default=""):
        return None
    if store is None:
        return f"the server no longer has {newest}, the newest checkpoint of {job.name}"
    why = copy.missing or f"the machine of the server does not have {saved[-1].folder}"
    return (
        f"{why}. The newest of {job.name} is {saved[-1].folder} on the machine that wrote it: "
        f"{_writers(job)}. Copy that folder into {copy.folder.checkpoints}, where commands find it"
    )


def why_unseen(job: ServerJob, seen: RunFolder) -> str | None:
    """Say where the checkpoints are of a run folder that this machine sees; None if it sees them.

    Raises:
        RunError: a record of the run is damaged.
    """
    run = read_run(seen)
    if run.outside is None or not is_folder(store_of(run)) or Path(run.outside).is_dir():
        return None
    return (
        f"{seen.path}: this machine does not see the checkpoints of {job.name}, which are in "
        f"{run.outside} on the machine that wrote them: {_writers(job)}"
    )


def _writers(job: ServerJob) -> str:
    """The machines that may have written the newest checkpoint."""
    attempts = job.details["attempts"]
    placed: Mapping[str, int] = attempts[-1]["placement"] if attempts else {}
    try:
        names = {node["id"]: node["name"] for node in job.client.cluster()["nodes"]}
    except ServerError:
        names = {}
    nodes = listed([names.get(node, node) for node in placed], MOST_NODES)
    return f"{nodes}, or the head of the cluster" if nodes else "a node of the cluster, or its head"
