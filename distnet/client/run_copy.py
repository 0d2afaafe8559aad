"""Copy the run of a server's job into a folder here, while it may still train.

A copy is consistent: what changes while it is copied is listed again, and the files that have
arrived are put in place together. `fetched.json` says whose copy the folder is.
"""

import os
import shutil
import time
from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass, replace
from pathlib import Path

from distnet.client.client import Client, Json
from distnet.client.download import ChangedError, Progress, download, stage, staged, tidy
from distnet.errors import RunError
from distnet.protocol.errors import ServerError
from distnet.protocol.run_files import RunFile, RunFilesResponse
from distnet.protocol.states import JobState
from distnet.run_folder.copies.fetched import Fetched, read_fetched, write_fetched
from distnet.run_folder.copies.files import CHECKPOINTS, checkpoint_of, is_copied, version_of
from distnet.run_folder.lock import is_held
from distnet.run_folder.paths import RunFolder

MOST_ROUNDS = 10
Files = tuple[RunFile, ...]
Choose = Callable[[list[str]], Collection[str]]
"""Chooses some of the names of checkpoints, oldest first."""


@dataclass
class RunCopy:
    """A copy of a job's run."""

    client: Client
    job: Json
    """Its JobResponse."""
    server_id: str
    folder: RunFolder
    progress: Progress
    kept: tuple[str, ...] = ()
    """The checkpoints that the server had when some were copied, oldest first."""
    missing: str = ""
    """Why the server gave no checkpoints, although the job keeps them in a folder."""

    def listed(self) -> Files:
        """The files that the server has now.

        Raises:
            ServerError: the server refuses it, or sees no run folder.
        """
        response = RunFilesResponse.model_validate(self.client.run_files(self.name))
        self.missing = response.missing
        return tuple(file for file in response.files if is_copied(file.path))

    @property
    def name(self) -> str:
        """The name of the job."""
        return str(self.job["name"])

    def bring_records(self) -> None:
        """Copy everything but the checkpoints.

        Raises:
            RunError: the folder has another run, or one that was trained further here.
            DataError: the disk is full.
            ServerError: the server refuses it, or does not respond.
        """
        self._bring(lambda files: [file for file in files if checkpoint_of(file.path) is None])

    def bring_checkpoints(self, choose: Choose) -> list[str]:
        """Copy some checkpoints, and forget copies of those that the server no longer keeps.

        Returns:
            The names of those that were chosen, oldest first.

        Raises:
            DataError: one has arrived damaged, or the disk is full.
            ServerError: the server refuses it, or does not respond.
        """
        chosen: set[str] = set()

        def select(files: Files) -> list[RunFile]:
            nonlocal chosen
            kept = {name for file in files if (name := checkpoint_of(file.path))}
            self.kept = tuple(sorted(kept, key=_step))
            chosen = set(choose(list(self.kept)))
            return [file for file in files if checkpoint_of(file.path) in chosen]

        self._bring(select)
        self._forget(self.kept)
        return sorted(chosen, key=_step)

    def _bring(self, select: Callable[[Files], list[RunFile]]) -> None:
        self.require_free()
        with stage(self.folder.path.parent, self.name) as arriving:
            for _ in range(MOST_ROUNDS):
                files = self.listed()
                wanted = [file for file in select(files) if not self._has(file)]
                try:
                    download(self.client, self.name, wanted, arriving, self.progress)
                except ChangedError:
                    continue
                self._put_in_place(wanted, arriving)
                tidy(arriving, files)
                return
        raise ServerError(
            f"{self.name}: its files change faster than they can be copied; try again later"
        )

    def require_free(self) -> None:
        """Refuse a folder that is not a copy of this job, or no longer one.

        Raises:
            RunError: it has another run, or one that was trained further here.
        """
        path = self.folder.path
        if not path.exists() or not any(path.iterdir()):
            return
        fetched = read_fetched(self.folder)
        if fetched is None or (fetched.server_id, fetched.job) != (self.server_id, self.name):
            whose = "of this machine" if fetched is None else f"of {fetched.server}"
            raise RunError(
                f"{path}: found another run, {whose}, expected none or a copy of {self.name} of "
                f"{self.client.target.server}; fetch it into another folder: --runs DIR"
            )
        if is_held(self.folder) or not fetched.is_unchanged(self.folder):
            raise RunError(
                f"{path}: this copy of {self.name} was trained further here, which another copy "
                "would overwrite; fetch it into another folder: --runs DIR"
            )

    def _has(self, file: RunFile) -> bool:
        """Whether the folder has this file as the server has it."""
        fetched, path = self._fetched(), self.folder.path / file.path
        is_same = fetched.files.get(file.path) == file.version
        return is_same and path.is_file() and path.stat().st_size == file.num_bytes

    def _fetched(self) -> Fetched:
        state = JobState(self.job["state"])
        facts = (self.client.target.server, self.server_id, self.name, state)
        new = Fetched(*facts, is_live=state.is_live, at=time.time())
        old = read_fetched(self.folder)
        return new if old is None else replace(new, files=old.files, sizes=old.sizes)

    def _put_in_place(self, files: Iterable[RunFile], arriving: Path) -> None:
        fetched = self._fetched()
        self.folder.path.mkdir(parents=True, exist_ok=True)
        write_fetched(self.folder, replace(fetched, is_whole=False))
        versions, sizes = dict(fetched.files), dict(fetched.sizes)
        for file in files:
            target = self.folder.path / file.path
            target.parent.mkdir(parents=True, exist_ok=True)
            os.replace(staged(arriving, file), target)
            versions[file.path], sizes[file.path] = file.version, file.num_bytes
        write_fetched(self.folder, replace(fetched, files=versions, sizes=sizes))

    def _forget(self, kept: Collection[str]) -> None:
        fetched = self._fetched()
        gone = {name for path in fetched.files if (name := checkpoint_of(path))} - set(kept)
        for name in gone:
            shutil.rmtree(self.folder.checkpoints / name, ignore_errors=True)
        left = {p: v for p, v in fetched.files.items() if checkpoint_of(p) not in gone}
        write_fetched(self.folder, replace(fetched, files=left))


def seen_here(details: Json, files: Files) -> RunFolder | None:
    """The run folder of a job, if this machine sees the same folder under the same path.

    Args:
        details: its JobDetails.
        files: as the server lists them.
    """
    folder = RunFolder(Path(str(details["folder"])))
    listed = next((file for file in files if file.path == folder.job.name), None)
    try:
        facts = folder.job.stat()
    except OSError:
        return None
    found = version_of(folder.job.name, facts), facts.st_size
    is_same = listed is not None and found == (listed.version, listed.num_bytes)
    return folder if is_same else None


def checkpoints_in(folder: RunFolder) -> list[str]:
    """The checkpoints that a folder has, oldest first."""
    found = {checkpoint_of(f"{CHECKPOINTS}/{path.name}/-") for path in folder.checkpoints.glob("*")}
    return sorted(filter(None, found), key=_step)


def _step(name: str) -> int:
    return int(name.removeprefix("step-"))
