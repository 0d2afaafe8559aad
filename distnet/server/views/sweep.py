"""A sweep as users see it: its jobs in the order of their headline metric."""

from distnet.protocol.errors import no_such
from distnet.protocol.sweeps import SweepResponse, TrialResponse
from distnet.server.ledger import jobs
from distnet.server.ledger.records import JobRecord
from distnet.server.state.measured import compared_of, measured_by
from distnet.server.state.mirror import Mirror
from distnet.server.state.time_left import trained_s
from distnet.server.views.jobs import job_response

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
    metric, split = measured_by(records)
    return SweepResponse.ranked(
        name,
        [_row(mirror, job, now) for job in records],
        metric,
        split,
        rungs=records[0].rungs,
        trials_at_once=records[0].trials_at_once,
    )


def _row(mirror: Mirror, record: JobRecord, now: float) -> TrialResponse:
    job = job_response(mirror, record, now)
    return TrialResponse(
        name=job.name,
        changes=job.changes,
        state=job.state,
        value=compared.value if (compared := compared_of(record)) else None,
        step=job.step,
        seconds=trained_s(record, mirror.attempts.get(job.name), now) if job.started_at else None,
        error=job.error,
        reason=job.reason,
    )
