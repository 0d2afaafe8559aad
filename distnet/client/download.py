"""Download files of a job's run, so that an interrupted download goes on where it was.

    runs/.fetch/<job>/<version>/<path>     what has arrived of one version of a file

A file is as long as what has arrived of it. Nothing here is a run: `runs/.fetch` has no job file.
"""

import fcntl
import hashlib
import json
import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

from distnet.client.client import Client
from distnet.errors import DataError, RunInUseError
from distnet.protocol.errors import ConflictError, NotFoundError
from distnet.protocol.run_files import RunFile
from distnet.run_folder.copies.files import checkpoint_of

FETCH = ".fetch"
MANIFEST = "manifest.json"
PIECE_BYTES = 4_000_000
Progress = Callable[[int, int], None]
"""Takes the bytes that have arrived, and those of all files; a new download begins at 0."""


class ChangedError(Exception):
    """A file is another one by now, or gone: list the files again."""


@contextmanager
def stage(runs: Path, job: str) -> Iterator[Path]:
    """Yield the folder in which the files of a job arrive.

    Raises:
        RunInUseError: another process fetches this job.
    """
    folder = runs / FETCH / job
    folder.mkdir(parents=True, exist_ok=True)
    handle = os.open(folder, os.O_RDONLY)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        yield folder
    except BlockingIOError:
        raise RunInUseError(f"{folder}: another command fetches {job}; wait for it") from None
    finally:
        os.close(handle)


def download(
    client: Client, job: str, files: Sequence[RunFile], folder: Path, progress: Progress
) -> None:
    """Download what is missing of these files, and verify the checkpoints among them.

    Raises:
        ChangedError: a file is another one by now, or gone.
        DataError: a checkpoint has arrived damaged, or the disk is full.
        ServerError: the server refuses it, or does not respond.
    """
    done, total = 0, sum(file.num_bytes for file in files)
    progress(done, total)
    for file in files:
        for num_bytes in _pieces(client, job, file, staged(folder, file)):
            done += num_bytes
            progress(done, total)
    _verify(files, folder)


def tidy(folder: Path, listed: Sequence[RunFile]) -> None:
    """Remove what has arrived of files that the server no longer has, and empty folders."""
    current = {staged(folder, file) for file in listed}
    for root, _, names in os.walk(folder, topdown=False):
        for path in (Path(root, name) for name in names):
            if path not in current:
                path.unlink()
        with suppress(OSError):  # not empty
            os.rmdir(root)


def staged(folder: Path, file: RunFile) -> Path:
    """Where a file arrives."""
    return folder / file.version / file.path


def _pieces(client: Client, job: str, file: RunFile, path: Path) -> Iterator[int]:
    """Download a file; yields the bytes of each piece, first of what was there before."""
    path.parent.mkdir(parents=True, exist_ok=True)
    try:
        with path.open("ab") as target:
            target.truncate(min(target.seek(0, os.SEEK_END), file.num_bytes))
            offset = target.seek(0, os.SEEK_END)
            yield offset
            while offset < file.num_bytes:
                data = _read(client, job, file, offset)
                target.write(data)
                offset += len(data)
                yield len(data)
    except OSError as error:
        raise DataError(
            f"{path}: cannot be written: {error.strerror}; free space, then run the command again: "
            "what has arrived stays"
        ) from None


def _read(client: Client, job: str, file: RunFile, offset: int) -> bytes:
    limit = min(PIECE_BYTES, file.num_bytes - offset)
    try:
        data = client.run_file(job, file.path, version=file.version, offset=offset, limit=limit)
    except ConflictError as error:
        if error.code != "changed":
            raise
        raise ChangedError(file.path) from None
    except NotFoundError:
        raise ChangedError(file.path) from None
    if not data:
        raise ChangedError(file.path)  # shorter than it was
    return data


def _verify(files: Sequence[RunFile], folder: Path) -> None:
    """Compare the files of checkpoints with what their manifests say.

    Raises:
        DataError: one is damaged.
    """
    for manifest in files:
        name = checkpoint_of(manifest.path)
        if name is None or not manifest.path.endswith(f"/{name}/{MANIFEST}"):
            continue
        expected = _expected(staged(folder, manifest))
        for file in files:
            below = file.path.removeprefix(f"checkpoints/{name}/")
            path = staged(folder, file)
            if below in expected and file.path != below and _sha256(path) != expected[below]:
                path.unlink()
                raise DataError(
                    f"{file.path}: has arrived damaged: its sha256 is not that of {name}'s "
                    "manifest; run the command again, which downloads it anew"
                )


def _expected(manifest: Path) -> dict[str, str]:
    """By path below the checkpoint, the sha256 of its files; of a damaged manifest none."""
    try:
        files = json.loads(manifest.read_bytes())["files"]
        return {str(path): str(facts["sha256"]) for path, facts in files.items()}
    except (ValueError, KeyError, TypeError, AttributeError):
        return {}  # which is found when the checkpoint is read


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
