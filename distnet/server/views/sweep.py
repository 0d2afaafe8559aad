"""A sweep as users see it: its jobs in the order of their headline metric."""

from collections.abc import Sequence

from distnet.protocol.errors import no_such
from distnet.protocol.metrics import Compared
from distnet.protocol.sweeps import SweepResponse, TrialResponse
from distnet.server.ledger import jobs
from distnet.server.ledger.records import JobRecord
from distnet.server.state.mirror import Mirror
from distnet.server.state.time_left import trained_s
from distnet.server.views.jobs import job_response
from distnet.spec.metric import Metric

NEWEST = 200
"""Jobs whose sweeps are compared with an unknown name."""


def sweep(mirror: Mirror, name: str, now: float) -> SweepResponse:
    """List the jobs of a sweep, open or ended, the best first.

    Raises:
        NotFoundError: there is no sweep of this name.
    """
    with mirror.ledger.reading() as tx:
        found = jobs.sweep_jobs(tx, name)
        if not found:
            newest, _ = jobs.list_jobs(tx, limit=NEWEST)
            known = {job.array for job in newest if job.array is not None}
            raise no_such("sweep", name, sorted(known), "distnet ps --all")
    records = [mirror.jobs.get(job.name, job) for job in found]
    metric, split = _measured_by(records)
    return SweepResponse.ranked(name, [_row(mirror, job, now) for job in records], metric, split)


def _measured_by(records: Sequence[JobRecord]) -> tuple[Metric | None, str | None]:
    """The headline metric of a sweep and its split, as its first measured job reports them."""
    for job in records:
        headline, compared = job.progress.get("headline"), _compared(job)
        if headline is not None and compared is not None:
            return Metric.from_dict(headline), compared.split
    return None, None


def _compared(job: JobRecord) -> Compared | None:
    """What a job is compared by; None before its first evaluation."""
    facts = job.progress.get("compared")
    return None if facts is None else Compared.model_validate(facts)


def _row(mirror: Mirror, record: JobRecord, now: float) -> TrialResponse:
    job = job_response(mirror, record, now)
    return TrialResponse(
        name=job.name,
        changes=job.changes,
        state=job.state,
        value=compared.value if (compared := _compared(record)) else None,
        step=job.step,
        seconds=trained_s(record, mirror.attempts.get(job.name), now) if job.started_at else None,
        error=job.error,
    )
