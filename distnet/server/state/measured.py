"""By what the jobs of a sweep are compared."""

from collections.abc import Sequence

from distnet.protocol.message import stored
from distnet.protocol.metrics import Compared
from distnet.server.ledger.records import JobRecord
from distnet.spec.metric import Metric


def measured_by(trials: Sequence[JobRecord]) -> tuple[Metric | None, str | None]:
    """The headline metric of a sweep and its split, as its first measured job reports them."""
    for job in trials:
        headline, compared = job.progress.get("headline"), compared_of(job)
        if headline is not None and compared is not None:
            return Metric.from_dict(headline), compared.split
    return None, None


def compared_of(job: JobRecord) -> Compared | None:
    """What a job is compared by; None before its first evaluation."""
    facts = job.progress.get("compared")
    return stored(Compared, facts)
