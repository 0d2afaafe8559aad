"""The files of jobs' runs, for users who fetch them.

The server reads them where the attempts write them, in the folder of run folders. A machine that
does not see that folder says so; checkpoints in a store of their own are read there.
"""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from errno import ELOOP
from pathlib import Path

from distnet.protocol.errors import ConflictError, NoStorageError, NotFoundError
from distnet.protocol.run_files import RunFilesResponse
from distnet.run_folder.copies.files import is_copied, version_of
from distnet.server.jobs.commands import find
from distnet.server.ledger.records import JobRecord
from distnet.server.run_files.folder import list_files, opened
from distnet.server.state.mirror import Mirror

GONE = (FileNotFoundError, NotADirectoryError)


class RunFiles:
    """Reads run folders; nothing is locked meanwhile.

    Args:
        mirror: knows the jobs.
        runs: the folder of run folders.
    """

    def __init__(self, mirror: Mirror, runs: Path) -> None:
        self.mirror, self._runs = mirror, runs

    def job(self, name: str) -> JobRecord:
        """A job, open or ended.

        Raises:
            NotFoundError: there is none of this name.
        """
        with self.mirror.locked():
            return find(self.mirror, name)

    def list(self, name: str) -> RunFilesResponse:
        """List the files of a job's run that may be copied.

        Raises:
            NotFoundError: there is no such job; `not_started`; `no_run_folder`.
            NoStorageError: the folder cannot be read.
        """
        folder = self.folder(self.job(name))
        with disk_errors(folder):
            return RunFilesResponse(files=tuple(sorted(list_files(folder), key=lambda f: f.path)))

    def read(self, name: str, path: str, version: str | None, offset: int, limit: int) -> bytes:
        """Read a piece of a file, of this version if one is named; an empty one at its end.

        Raises:
            NotFoundError: there is no such job or file.
            ConflictError: `changed`: it is another version by now.
            NoStorageError: it cannot be read.
        """
        folder = self.folder(self.job(name))
        if not is_copied(path):
            raise NotFoundError(f"{path}: not a file of a run that is copied")
        with disk_errors(folder), opened(folder, path) as file:
            if version not in (None, version_of(path, os.fstat(file))):
                raise ConflictError(f"{path} has changed; list the files again", code="changed")
            return os.pread(file, limit, offset)

    def folder(self, job: JobRecord) -> Path:
        """The run folder of a job.

        Raises:
            NotFoundError: `not_started`, `no_run_folder`: there is none, or not on this machine.
        """
        folder = self._runs / job.name
        if job.started_at is None and job.result is None:  # a folder there is of another run
            raise NotFoundError(
                f"{job.name} has not begun to train, so there is nothing of it yet; see: "
                f"distnet why {job.name}",
                code="not_started",
            )
        if folder.is_dir():
            return folder
        seen = f"{self._runs} does not have it" if self._runs.is_dir() else "it is not mounted"
        raise NotFoundError(
            f"the machine of the server does not see {folder}, the run folder of {job.name}: "
            f"{seen}. It is on the head of the cluster, unless it was removed; copy it from there",
            code="no_run_folder",
        )


@contextmanager
def disk_errors(folder: Path) -> Iterator[None]:
    """Turn errors of the file system into refusals.

    Raises:
        NotFoundError: there is no such file, or it is not one that is read.
        NoStorageError: it cannot be read now.
    """
    try:
        yield
    except PermissionError:
        raise NoStorageError(
            f"the server may not read all files of {folder.name}: they belong to another user of "
            "its machine",
            code="not_readable",
        ) from None
    except OSError as error:
        if isinstance(error, GONE) or error.errno == ELOOP:
            raise NotFoundError(f"{folder.name}: this file is gone") from None
        raise NoStorageError(
            f"{folder.name}: cannot be read now: {error.strerror}", code="not_readable"
        ) from None
