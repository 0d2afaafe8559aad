"""Processes of this machine: what a process started, whether it still runs, how to end it."""

import contextlib
from collections.abc import Collection

import psutil

GONE_TIMEOUT_S = 1.0


def below(process: psutil.Process) -> list[psutil.Process]:
    """All descendants; none of a process that has ended."""
    try:
        return process.children(recursive=True)
    except psutil.Error:
        return []


def is_alive(process: psutil.Process) -> bool:
    """Whether it runs; a zombie does not."""
    try:
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    except psutil.Error:
        return False


def title_of(process: psutil.Process) -> str:
    """Its name and command line; empty if it has ended."""
    try:
        return " ".join([process.name(), *process.cmdline()]).strip()
    except psutil.Error:
        return ""


def kill(processes: Collection[psutil.Process], *, timeout_s: float = GONE_TIMEOUT_S) -> None:
    """Send SIGKILL to these, and wait until they are gone, at most `timeout_s`."""
    for process in processes:
        with contextlib.suppress(psutil.Error):
            process.kill()
    psutil.wait_procs(list(processes), timeout=timeout_s)
