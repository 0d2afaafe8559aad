"""What the threads of a worker are doing: it writes their stacks to its log when it is signalled.

`faulthandler` writes them from the signal's C handler, so a worker that is stuck in a library, or
holds the interpreter's lock, writes them too. Unlike a debugger this needs neither root nor ptrace.
"""

import os
import time
from collections.abc import Callable, Mapping
from pathlib import Path

from distnet.run_folder.paths import RunFolder
from distnet.run_folder.workers.heartbeat import STACKS_SIGNAL, Beat, Stage, read_heartbeats

PROC = Path("/proc")
WAIT_S = 10.0
"""The log of a worker on another node may arrive a while later."""
QUIET_S = 0.3
"""Stacks are complete when the log has not grown for this long."""
POLL_S = 0.05
FIRST = (b"Thread 0x", b"Current thread 0x")
Signal = Callable[[Beat], str]
"""Signals a worker on its machine; returns why that is impossible, empty if it is done."""


def live_workers(folder: RunFolder) -> list[Beat]:
    """The workers of the newest attempt that have not ended."""
    return [beat for beat in read_heartbeats(folder.heartbeats) if beat.stage is not Stage.ENDED]


def signal_worker(folder: RunFolder, beat: Beat) -> str:
    """Signal a worker of this machine; returns why that is impossible, empty if it is done.

    Its process id may be another's by now, or be of another machine: the process must have the
    worker's heartbeat in its memory, and a handler for the signal, which would end it otherwise.
    """
    here = PROC / str(beat.process)
    try:
        maps, status = (here / "maps").read_text(), (here / "status").read_text()
        caught = int(status.partition("SigCgt:")[2].split()[0], 16)
    except (OSError, IndexError, ValueError):
        return f"found no process {beat.process} of worker {beat.rank} on this machine"
    own = "/".join(("", *folder.heartbeat(beat.rank).parts[-2:]))  # nodes may have it elsewhere
    is_own = any(line.endswith(own) for line in maps.splitlines())
    if not is_own or not caught >> (STACKS_SIGNAL - 1) & 1:
        return f"process {beat.process} of this machine is not worker {beat.rank}"
    try:
        os.kill(beat.process, STACKS_SIGNAL)
    except OSError as error:
        return f"worker {beat.rank} cannot be signalled: {error.strerror}"
    return ""


def read_stacks(
    folder: RunFolder, beats: list[Beat], send: Signal, *, wait_s: float = WAIT_S
) -> Mapping[int, str]:
    """Have workers write the stacks of their threads, and read them: by rank.

    Args:
        folder: the run's.
        beats: the workers.
        send: signals one of them.
        wait_s: the longest wait for what they write.
    """
    begins = {beat.rank: _size(folder.worker_log(beat.rank)) for beat in beats}
    wrong = {beat.rank: why for beat in beats if (why := send(beat))}
    waiting = [beat.rank for beat in beats if beat.rank not in wrong]
    _wait_until_quiet({folder.worker_log(rank): begins[rank] for rank in waiting}, wait_s)
    written = {rank: _stacks(folder.worker_log(rank), begins[rank]) for rank in waiting}
    none = f"it wrote no stacks within {wait_s:g} s, as if it were stopped (SIGSTOP)"
    found = wrong | {rank: text or none for rank, text in written.items()}
    return {beat.rank: found[beat.rank] for beat in beats}


def _wait_until_quiet(begins: Mapping[Path, int], wait_s: float) -> None:
    """Wait until no log has grown for a while, but not before each has grown from its size."""
    sizes, changed = dict(begins), time.monotonic()
    end = changed + wait_s
    while begins and time.monotonic() < end:
        time.sleep(POLL_S)
        now = {log: _size(log) for log in begins}
        if now != sizes:
            sizes, changed = now, time.monotonic()
        has_grown = all(size > begins[log] for log, size in sizes.items())
        if has_grown and time.monotonic() - changed > QUIET_S:
            return


def _stacks(log: Path, begin: int) -> str:
    """What a log has from `begin` on, without what the worker printed before its stacks."""
    try:
        with log.open("rb") as file:
            file.seek(begin)
            data = file.read()
    except OSError:
        return ""
    starts = [at for first in FIRST if (at := data.find(first)) >= 0]
    return data[min(starts) :].decode(errors="replace").rstrip() if starts else ""


def _size(log: Path) -> int:
    try:
        return log.stat().st_size
    except OSError:
        return 0
