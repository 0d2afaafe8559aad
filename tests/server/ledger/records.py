"""Records of jobs and attempts with little to say."""

import hashlib
from typing import Any

from distnet.scheduler.view import Shape
from distnet.server.ledger import Connection, Ledger, attempts, jobs, texts
from distnet.server.ledger.records import AttemptRecord, JobRecord

SPEC = "name: digits\n"
SPEC_SHA = hashlib.sha256(SPEC.encode()).hexdigest()


def job(name: str, **fields: Any) -> JobRecord:
    """A job that was not inserted yet."""
    standard: dict[str, Any] = {
        "number": 0,
        "name": name,
        "key": f"key-of-{name}",
        "owner": "ada",
        "team": "vision",
        "spec": SPEC_SHA,
        "code": None,
        "shape": Shape(min_workers=1, max_workers=2, cpus=1, gpus=0),
        "slices": 4,
        "priority": 0,
        "submitted_at": 1_790_000_000.25,
    }
    return JobRecord(**(standard | fields))


def attempt(job_name: str, number: int = 1, **fields: Any) -> AttemptRecord:
    """An attempt that was not inserted yet."""
    standard: dict[str, Any] = {
        "job": job_name,
        "number": number,
        "submission": f"distnet-{job_name}-{number}",
        "token_sha256": hashlib.sha256(f"{job_name} {number}".encode()).hexdigest(),
        "placement": {"node-a": 2, "node-b": 1},
        "created_at": 1_790_000_001.5,
    }
    return AttemptRecord(**(standard | fields))


def submit(ledger: Ledger, *records: JobRecord) -> list[JobRecord]:
    """Insert jobs in a transaction of their own."""
    with ledger.transaction() as tx:
        return submit_in(tx, *records)


def submit_in(tx: Connection, *records: JobRecord) -> list[JobRecord]:
    """Insert jobs."""
    texts.put_texts(tx, [SPEC])
    return jobs.insert_jobs(tx, records)


def begin(ledger: Ledger, name: str, number: int = 1, **fields: Any) -> AttemptRecord:
    """Insert an attempt in a transaction of its own."""
    record = attempt(name, number, **fields)
    with ledger.transaction() as tx:
        attempts.insert_attempts(tx, [record])
    return record
