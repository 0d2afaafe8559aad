"""What the tests do with a ledger in a process of its own, which they may kill.

python -m tests.server.ledger.processes WHAT URL
"""

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import count
from pathlib import Path

from distnet.server.ledger import Ledger, events, jobs, open_ledger
from distnet.server.ledger.records import EventRecord
from tests.server.ledger.records import job, submit_in

ROOT = Path(__file__).parents[3]
EVENTS_EACH = 3


@contextmanager
def started(what: Callable[[Ledger], None], url: str) -> Iterator["subprocess.Popen[str]"]:
    """Call one of the functions below in a process; it is killed at the end."""
    process = subprocess.Popen(
        [sys.executable, "-m", "tests.server.ledger.processes", what.__name__, url],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        cwd=ROOT,
    )
    try:
        yield process
    finally:
        process.kill()
        process.communicate()


def response(process: "subprocess.Popen[str]") -> str:
    """The next line that it prints."""
    assert process.stdout is not None
    return process.stdout.readline().strip()


def identify(ledger: Ledger) -> None:
    """Say which ledger it is, and what was needed to know that."""
    _say(f"{ledger.id} {ledger.key.hex()} {'alembic' in sys.modules}")


def lead(ledger: Ledger) -> None:
    """Try to take the lead, say whether that went well, and wait."""
    _say(str(ledger.lead()))
    _wait()


def submit_for_ever(ledger: Ledger) -> None:
    """Submit job after job, each with some events, and say the name of each that is durable."""
    for at in count():
        name = f"job-{os.getpid()}-{at}"
        with ledger.transaction() as tx:
            submit_in(tx, job(name))
            record = EventRecord(0, 0.0, "submitted", name, "ada", name)
            events.append_events(tx, [record] * EVENTS_EACH)
        _say(name)


def stay_inside(ledger: Ledger) -> None:
    """Submit jobs and change one, and wait before it is committed."""
    with ledger.transaction() as tx:
        submit_in(tx, *(job(f"job-{at}") for at in range(500)))
        jobs.take_numbers(tx, "digits", 5)
        _say("inside")
        _wait()


def _say(text: str) -> None:
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


def _wait() -> None:
    sys.stdin.read()


if __name__ == "__main__":
    known = {task.__name__: task for task in (identify, lead, submit_for_ever, stay_inside)}
    known[sys.argv[1]](open_ledger(sys.argv[2]))
