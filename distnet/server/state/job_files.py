"""Resolved job files by their hash, and what the server needs to know of them."""

from functools import lru_cache

from distnet.errors import JobFileError
from distnet.protocol.errors import NotFoundError
from distnet.server.ledger import texts
from distnet.server.ledger.records import JobRecord
from distnet.server.state.mirror import Mirror
from distnet.spec.read import read_job_text
from distnet.spec.sections.retry import Retry

READ_LAST = 1000


def text_of(mirror: Mirror, job: JobRecord) -> str:
    """The resolved job file of a job."""
    with mirror.ledger.reading() as tx:
        text = texts.read_text(tx, job.spec)
    if text is None:
        raise NotFoundError(f"the job file of {job.name} is missing in the ledger")
    return text


def retry_of(mirror: Mirror, job: JobRecord) -> Retry:
    """What its job file says about failures."""
    return _retry(text_of(mirror, job))


@lru_cache(maxsize=READ_LAST)
def _retry(text: str) -> Retry:
    try:
        return read_job_text(text).job.retry
    except JobFileError:  # of an older distnet; that the attempt has ended is to be taken down
        return Retry()
