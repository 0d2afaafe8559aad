"""Submit requests."""

from typing import Annotated

from pydantic import Field

from distnet.protocol.message import (
    Key,
    Message,
    Sha256,
    UpTo1000,
    UpTo10000,
)
from distnet.protocol.numbers import Flag, Positive, Priority, Time
from distnet.spec.sections.section import Name


class SubmitRequest(Message):
    """Queue a job, or one job for each combination of a sweep."""

    key: Key
    """Made by the client: a request with the same key is the same submit, sent again."""
    spec: Annotated[str, Field(max_length=1_000_000)]
    """The text of the job file."""
    file: Annotated[str, Field(max_length=200)] = "job.yaml"
    """The name of the job file, for messages."""
    sets: UpTo1000[Annotated[str, Field(max_length=1000)]] = ()
    """Overrides such as `train.epochs=3`."""
    code: Sha256 | None = None
    """The archive with the job's own files, uploaded before."""
    name: Name | None = None
    """Default: the name in the job file and a number."""
    team: Name | None = None
    priority: Priority | None = None
    workers: Positive | None = None
    after: UpTo10000[Annotated[str, Field(max_length=80)]] = ()
    """`JOB`, `JOB:ok`, `JOB:any` or `JOB:failed`."""
    start_from: Name | None = None
    """Start from the newest checkpoint of this job, which must be one of `after`."""
    sweep: UpTo1000[Annotated[str, Field(max_length=1000)]] = ()
    """`KEY=1..10` or `KEY=a,b,c`; several make every combination."""
    stop_early: Flag = False
    """Successive halving: compare the trials of the sweep after some of their epochs, and train
    only the best third of them further, again and again."""
    trials_at_once: Positive | None = None
    """Run no more than this many trials of the sweep at the same time; null: as many as fit."""
    at: Time | None = None
    """Do not start before this time."""
    reservation: Name | None = None
    """Run on the nodes of this reservation only, while its window is open."""
    hold: Flag = False


class BulkRequest(Message):
    """Many submits: either all are accepted or none."""

    jobs: Annotated[UpTo10000[SubmitRequest], Field(min_length=1)]
