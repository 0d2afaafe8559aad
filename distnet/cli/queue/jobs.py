"""A server's job in one line."""

from distnet.cli.output import one_line
from distnet.client.client import Json
from distnet.spec.value_text import value_text


def described(job: Json) -> str:
    """Write the state of a job, and why: `digits-2 is waiting: just queued`.

    Of a job of a sweep it says what that changes: `lr-2 (optimizer.learning_rate=0.1) is held`.
    """
    changed = ", ".join(f"{key}={value_text(value)}" for key, value in job["changes"].items())
    which = f" ({one_line(changed)})" if changed else ""
    return f"{job['name']}{which} is {state_text(job['state'], job['error'] or job['reason'])}"


def state_text(state: str, reason: str) -> str:
    """Write a state and its reason; a reason such as `held by ada` says both."""
    if not reason or reason.startswith(f"{state} "):
        return one_line(reason or state)
    return f"{state}: {one_line(reason)}"
