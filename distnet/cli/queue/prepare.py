"""What `submit` and `schedule` share: the job file as a submission."""

import time
from pathlib import Path
from typing import Any

from distnet.cli.output import say
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


def unix_time(text: str | None) -> float | None:
    """Read the value of --at, in Unix seconds."""
    return None if text is None else future_time(text, now=time.time())
