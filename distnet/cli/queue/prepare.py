"""What `submit` and `schedule` share: the job file as a submission, and its upload."""

import time
from pathlib import Path
from typing import Any

from distnet.cli.console import spinner
from distnet.cli.data.upload_progress import upload_progress
from distnet.cli.output import say
from distnet.client.client import Client
from distnet.client.submission import Submission, prepare
from distnet.client.times import future_time
from distnet.spec.plural import listed

MOST_NAMED = 5


def prepared(job: Path, **options: Any) -> Submission:
    """Validate a job file and pack its own code; say what is too large, or is from elsewhere."""
    submission = prepare(job, **options)
    if submission.archive is not None and submission.archive.too_large:
        files = ", ".join(submission.archive.too_large)
        say(f"not uploaded with the job, because they are over 10 MB: {files}")
    if submission.archive is not None and submission.archive.linked:
        files = listed(submission.archive.linked, MOST_NAMED)
        say(f"uploaded from outside of the job file's folder, through links: {files}")
    return submission


def uploaded(client: Client, submission: Submission) -> Submission:
    """Upload what the server lacks; returns the submission as the server's machines read it."""
    if submission.dataset is None:
        with spinner(f"uploading to {client.target.server}"):
            return submission.upload(client)
    with upload_progress(submission.dataset, client.target.server) as on_progress:
        return submission.upload(client, on_progress)


def unix_time(text: str | None) -> float | None:
    """Read the value of --at, in Unix seconds."""
    return None if text is None else future_time(text, now=time.time())
