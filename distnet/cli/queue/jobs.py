"""A server's job in one line."""

from distnet.cli.output import one_line
from distnet.client.client import Json


def described(job: Json) -> str:
    """Write the state of a job, and why: `digits-2 is waiting: just queued`."""
    return f"{job['name']} is {state_text(job['state'], job['error'] or job['reason'])}"


def state_text(state: str, reason: str) -> str:
    """Write a state and its reason; a reason such as `held by ada` says both."""
    if not reason or reason.startswith(f"{state} "):
        return one_line(reason or state)
    return f"{state}: {one_line(reason)}"
