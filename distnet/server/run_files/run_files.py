"""The files of jobs' runs, for users who fetch them.

The server reads them where the attempts write them, in the folder of run folders, and checkpoints
in the folder that the job names for them, if it does. A machine that does not see these folders
says so; checkpoints in an object store are read there by the user.
"""

import os
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from errno import ELOOP
from pathlib import Path

from distnet.protocol.errors import ConflictError, NoStorageError, NotFoundError
from distnet.protocol.run_files import RunFilesResponse
from distnet.run_folder.copies.files import checkpoint_of, is_copied, version_of
from distnet.server.jobs.commands import find
from distnet.server.ledger.records import JobRecord
from distnet.server.run_files.checkpoints import list_checkpoints, opened_checkpoint
from distnet.server.run_files.folder import list_files, opened
from distnet.server.state.job_files import checkpoints_of
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
        job = self.job(name)
        folder, apart = self.folder(job), checkpoints_of(self.mirror, job)
        with disk_errors(folder):
            files = list(list_files(folder))
            owner = folder.lstat().st_uid
        missing = ""
        if apart is not None:
            files = [file for file in files if checkpoint_of(file.path) is None]
            try:
                files += list_checkpoints(apart, owner)
            except OSError as error:
                missing = _why_missing(apart, error)
        listed = tuple(sorted(files, key=lambda file: file.path))
        return RunFilesResponse(files=listed, missing=missing)

    def read(self, name: str, path: str, version: str | None, offset: int, limit: int) -> bytes:
        """Read a piece of a file, of this version if one is named; an empty one at its end.

        Raises:
            NotFoundError: there is no such job or file.
            ConflictError: `changed`: it is another version by now.
            NoStorageError: it cannot be read.
        """
        job = self.job(name)
        folder = self.folder(job)
        if not is_copied(path):
            raise NotFoundError(f"{path}: not a file of a run that is copied")
        with disk_errors(folder), self._opened(job, folder, path) as file:
            if version not in (None, version_of(path, os.fstat(file))):
                raise ConflictError(f"{path} has changed; list the files again", code="changed")
            return os.pread(file, limit, offset)

    def _opened(self, job: JobRecord, folder: Path, path: str) -> AbstractContextManager[int]:
        """Open a file where the job has it; its checkpoints may be in a folder of their own."""
        apart = checkpoints_of(self.mirror, job) if checkpoint_of(path) else None
        if apart is None:
            return opened(folder, path)
        return opened_checkpoint(apart, path, folder.lstat().st_uid)

    def folder(self, job: JobRecord) -> Path:
        """The run folder of a job.

        Raises:
            NotFoundError: `not_started`, `no_run_folder`: there is none, or not on this machine.
        """
        folder = self._runs / job.name
        if job.started_at is None and job.result is None:  # a folder there is of another run
            raise NotFoundError(_why_nothing(job), code="not_started")
        if folder.is_dir():
            return folder
        seen = f"{self._runs} does not have it" if self._runs.is_dir() else "it is not mounted"
        raise NotFoundError(
            f"the machine of the server does not see {folder}, the run folder of {job.name}: "
            f"{seen}. It is on the head of the cluster, unless it was removed; copy it from there",
            code="no_run_folder",
        )


def _why_nothing(job: JobRecord) -> str:
    """Why there is nothing of a job that has not trained."""
    if job.state.is_terminal:
        return f"{job.name} ended ({job.state}) before it began to train, so there is nothing of it"
    return (
        f"{job.name} has not begun to train, so there is nothing of it yet; see: "
        f"distnet why {job.name}"
    )


def _why_missing(folder: Path, error: OSError) -> str:
    """Why the checkpoints in a folder of their own are not among the files."""
    why = "it does not see that folder" if isinstance(error, GONE) else error.strerror
    return f"the machine of the server cannot give the checkpoints in {folder}: {why}"


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
