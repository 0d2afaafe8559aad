"""A server's job in one line."""

from distnet.cli.output import one_line
from distnet.client.client import Json


def described(job: Json) -> str:
    """Write the state of a job, and why."""
    reason = one_line(job["error"] or job["reason"])
    return f"{job['name']} is {job['state']}{f': {reason}' if reason else ''}"
