"""What a script on a host prints: lines of JSON for whoever sent it.

{"progress": text} ... {"result": {...}} or {"error": {"kind", "found", "remedy"}}
"""

import errno
import json
import os
import signal
import sys
import threading
from collections.abc import Callable
from typing import Any

Given = dict[str, Any]
"""The arguments of a script."""
FULL = (errno.ENOSPC, errno.EDQUOT)


class Failure(Exception):  # noqa: N818 - no error of this process
    """Why a step cannot be done on this host."""

    def __init__(self, kind: str, found: str, remedy: str) -> None:
        super().__init__(found)
        self.report = {"kind": kind, "found": found, "remedy": remedy}


def send(**message: Any) -> None:
    """Print one message."""
    sys.stdout.write(json.dumps(message) + "\n")
    sys.stdout.flush()


def reply(work: Callable[[Given], object]) -> None:
    """Do what the script is for, and print its result or error."""
    os.umask(0o077)
    end_with_input()
    try:
        send(result=work(json.loads(sys.argv[1])))
    except Failure as error:
        send(error=error.report)
    except OSError as error:
        send(error=of_system(error).report)


def end_with_input() -> None:
    """End this process and its children as soon as nobody waits for it any more.

    Ctrl-C, or a laptop that is closed, then leaves no half-done installation at work.
    """

    def wait() -> None:
        sys.stdin.buffer.read()
        os.killpg(0, signal.SIGKILL)

    if os.getpgrp() != os.getpid():  # the first process of a session leads a group already
        os.setpgrp()
    threading.Thread(target=wait, daemon=True).start()


def of_system(error: OSError) -> Failure:
    """The failure behind an error of the system."""
    found = f"{error.filename}: {error.strerror}" if error.filename else str(error)
    if error.errno in FULL:
        return Failure("no-space", found, "free space on the host's disk, or set another `folder`")
    return Failure("no-permission", found, "set another `folder`, which this user may write")
