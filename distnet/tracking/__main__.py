"""The process beside a run that sends its records to one tracker.

    python -m distnet.tracking KIND RUN_FOLDER

It is a process of its own so that its client, whatever that does, neither slows nor ends training.
The run is over when stdin is closed. Each line of stdout is a text for the user; what the client
prints goes to stderr.
"""

import os
import signal
import sys
import threading
from importlib import import_module
from pathlib import Path
from typing import Any

from distnet.run_folder.paths import RunFolder
from distnet.tracking.sender import Sender, first_line
from distnet.tracking.tracker import NotSetUpError, Tracker

POLITE = 10
"""How much the process gives way to those that train."""
INCOMPLETE = 3


def main(words: list[str]) -> int:
    """Send; returns 0 where everything was sent."""
    kind, folder = words
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is the run's
    os.nice(POLITE)
    out = os.fdopen(os.dup(1), "w", buffering=1, encoding="utf-8")
    os.dup2(2, 1)

    def say(text: str) -> None:
        out.write(f"{text}\n")

    is_over = threading.Event()
    threading.Thread(target=_wait_for_end, args=(is_over,), daemon=True).start()
    sender = Sender(RunFolder(Path(folder)), kind, lambda: _client(kind), is_over, say)
    try:
        return 0 if sender.run() else INCOMPLETE
    except NotSetUpError as error:
        say(f"{kind}: nothing is sent: {error}")
        return INCOMPLETE
    except Exception as error:
        say(f"{kind}: no more is sent: {type(error).__name__}: {first_line(error)}")
        raise


def _client(kind: str) -> Tracker:
    """The one class that the module of a kind offers."""
    module: Any = import_module(f"distnet.tracking.{kind}")
    (name,) = module.__all__
    tracker: Tracker = getattr(module, name)()
    return tracker


def _wait_for_end(is_over: threading.Event) -> None:
    sys.stdin.buffer.read()
    is_over.set()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
