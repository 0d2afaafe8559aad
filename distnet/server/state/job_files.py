"""The resolved job files of jobs, and the parts of them that the server reads again."""

from functools import lru_cache
from pathlib import Path

from distnet.errors import JobFileError, RunError
from distnet.protocol.errors import NotFoundError
from distnet.server.ledger import texts
from distnet.server.ledger.records import JobRecord
from distnet.server.state.mirror import Mirror
from distnet.spec.checkpoint_store import folder_of
from distnet.spec.content import content_of
from distnet.spec.read import read_job_text
from distnet.spec.sections.retry import Retry

CACHED = 1000


def text_of(mirror: Mirror, job: JobRecord) -> str:
    """The resolved job file of a job."""
    with mirror.ledger.reading() as tx:
        text = texts.read_text(tx, job.spec)
    if text is None:
        raise NotFoundError(f"the ledger does not have the job file of {job.name}")
    return text


def retry_of(mirror: Mirror, job: JobRecord) -> Retry:
    """The `retry` section of its job file."""
    return _retry(text_of(mirror, job))


def dataset_of(mirror: Mirror, job: JobRecord) -> str | None:
    """The sha256 of the job's dataset, if its job file names it by its content."""
    return _dataset(text_of(mirror, job))


def checkpoints_of(mirror: Mirror, job: JobRecord) -> Path | None:
    """The folder outside of its run folder in which a job keeps its checkpoints; None without."""
    store = _store(text_of(mirror, job))
    return None if store is None else store / job.name


@lru_cache(maxsize=CACHED)
def _store(text: str) -> Path | None:
    try:
        store = read_job_text(text).job.checkpoint.store
        return None if store is None else folder_of(store, Path("/"))
    except (JobFileError, RunError):  # of an older distnet, or no address
        return None


@lru_cache(maxsize=CACHED)
def _dataset(text: str) -> str | None:
    try:
        return content_of(read_job_text(text).job.data.source)
    except JobFileError:  # of an older distnet, which did not have such datasets
        return None


@lru_cache(maxsize=CACHED)
def _retry(text: str) -> Retry:
    try:
        return read_job_text(text).job.retry
    except (
        JobFileError
    ):  # of an older distnet: the end of the attempt must be recorded all the same
        return Retry()
