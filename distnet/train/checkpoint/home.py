"""Where a run is kept: in its folder, as a worker sees it, or behind something that reaches it."""

from collections.abc import Callable
from pathlib import Path
from typing import Protocol

from distnet.run_folder.assignment import Assignment
from distnet.run_folder.fence import require_newest
from distnet.train.checkpoint.store import Store, open_store

OnPiece = Callable[[], None]


def no_piece() -> None:
    """Do nothing."""


class Home(Protocol):
    """Where a run is kept, for one worker of one attempt."""

    def open_store(self, on_piece: OnPiece = no_piece) -> Store:
        """Open the store of the run's checkpoints.

        Args:
            on_piece: called after each piece that was read, where files come piece by piece.

        Raises:
            RunError: its address cannot be used.
        """
        ...

    def require_newest(self) -> None:
        """Check that no newer attempt has begun; called just before a checkpoint is committed.

        When this returns, the run folder holds everything that this worker has written before.

        Raises:
            StaleAttemptError: a newer attempt has begun.
            OSError: the run folder is full.
        """
        ...


class SharedHome:
    """A run folder that this worker sees.

    Args:
        assignment: the attempt.
    """

    def __init__(self, assignment: Assignment) -> None:
        self._assignment = assignment

    def open_store(self, on_piece: OnPiece = no_piece) -> Store:
        """Open the store of the run's checkpoints.

        Raises:
            RunError: its address cannot be used.
        """
        del on_piece  # files are read as a whole
        return open_store(
            self._assignment.job.checkpoint.store,
            run=self._assignment.folder,
            job_folder=Path(self._assignment.job_folder),
        )

    def require_newest(self) -> None:
        """Check that no newer attempt has begun.

        Raises:
            StaleAttemptError: one has.
        """
        require_newest(self._assignment.folder, self._assignment.attempt)
