"""Fencing: only the newest attempt at a run may write to it.

A killed launcher may leave workers behind for a moment, on machines that cannot be reached. Each
attempt has a number; a worker reads the run's number before it commits, and ends if that is above
its own. Source: Kleppmann 2016, "How to do distributed locking", fencing tokens.
"""

from distnet.errors import StaleAttemptError
from distnet.run_folder.paths import RunFolder
from distnet.run_folder.write import write_whole


def read_fence(folder: RunFolder) -> int:
    """The number of the newest attempt; 0 before the first."""
    try:
        return int(folder.fence.read_text())
    except (FileNotFoundError, ValueError):  # an unreadable folder says nothing
        return 0


def claim_fence(folder: RunFolder, at_least: int) -> int:
    """Begin a new attempt, and fence off all older ones; returns its number.

    Raises:
        RunError: the run folder cannot be written.
    """
    number = max(read_fence(folder) + 1, at_least)
    write_whole(folder.fence, f"{number}\n".encode())
    return number


def require_newest(folder: RunFolder, attempt: int) -> None:
    """Check that no newer attempt has begun.

    Raises:
        StaleAttemptError: one has.
    """
    newest = read_fence(folder)
    if newest > attempt:
        raise StaleAttemptError(
            f"{folder.path}: attempt {newest} now trains this run; attempt {attempt} ends"
        )
