"""The manifest of a checkpoint: what its files are, so that any changed bit is detected.

It lists each file's path, size and sha256, and contains its own sha256. It is written last, so a
checkpoint without one does not exist.
"""

import errno
import hashlib
import json
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any

from distnet.errors import CheckpointError, StorageError
from distnet.train.checkpoint.durable import MANIFEST, Piece
from distnet.train.checkpoint.object_store import UnreachableError
from distnet.train.checkpoint.store import Draft, Store

SEAL = "sha256"
Entries = dict[str, dict[str, Any]]
"""Size and sha256 of files by their paths below the checkpoint."""


def put_file(draft: Draft, file: str, pieces: Iterable[Piece]) -> Entries:
    """Write one file; size and sha256 are taken from the pieces as they pass.

    Raises:
        OSError: the store is full or does not respond.
    """
    digest, num_bytes = hashlib.sha256(), 0

    def passing() -> Iterator[Piece]:
        nonlocal num_bytes
        for piece in pieces:
            digest.update(piece)
            num_bytes += len(piece)
            yield piece

    path = draft.put(file, passing())
    return {path: {"num_bytes": num_bytes, "sha256": digest.hexdigest()}}


def sealed(attempt: int, files: Entries) -> bytes:
    """The text of a manifest, with its own sha256 in it."""
    return _seal({"attempt": attempt, "files": files})


def read_manifest(store: Store, name: str) -> dict[str, Any]:
    """What the manifest says, if it is as it was written: `attempt` and `files`.

    Raises:
        CheckpointError: it is missing or altered.
        StorageError: the store does not respond.
    """
    data = _read(store, name, MANIFEST)
    try:
        manifest: dict[str, Any] = json.loads(data)
        is_whole = _seal({k: v for k, v in manifest.items() if k != SEAL}) == data
    except (ValueError, AttributeError) as error:
        raise CheckpointError(f"{store.address(name)}/{MANIFEST}: damaged ({error})") from None
    if not is_whole:
        raise CheckpointError(f"{store.address(name)}/{MANIFEST}: altered since it was written")
    return manifest


def read_files(store: Store, name: str, wanted: Iterable[str]) -> Iterator[tuple[str, bytes]]:
    """Read files of one checkpoint, one after the other, each as it was written.

    Raises:
        CheckpointError: a file is missing, of another size, or altered.
        StorageError: the store does not respond.
    """
    files = read_manifest(store, name)["files"]
    paths = {path.rsplit("/", 1)[-1]: path for path in files}
    for file in wanted:
        path = paths[file]
        data = _read(store, name, path)
        if _entry(data) != files[path]:
            raise CheckpointError(
                f"{store.address(name)}/{path}: altered since it was written (size or sha256)"
            )
        yield file, data


@contextmanager
def store_errors(store: Store) -> Iterator[None]:
    """Turn errors of an unreachable store into one that is distinct from a damaged checkpoint.

    Raises:
        StorageError: it does not respond.
    """
    try:
        yield
    except UnreachableError as error:
        raise StorageError(
            f"{store.address()}: the store cannot be read: {error}; when it responds again, "
            "resume with: distnet run --resume RUN"
        ) from None


def _seal(manifest: dict[str, Any]) -> bytes:
    seal = hashlib.sha256(json.dumps(manifest, indent=2).encode()).hexdigest()
    return json.dumps({**manifest, SEAL: seal}, indent=2).encode()


def _entry(data: bytes) -> dict[str, Any]:
    return {"num_bytes": len(data), "sha256": hashlib.sha256(data).hexdigest()}


def _read(store: Store, name: str, path: str) -> bytes:
    with store_errors(store):
        try:
            return store.read(name, path)
        except UnreachableError:
            raise
        except (FileNotFoundError, NotADirectoryError, IsADirectoryError):
            raise CheckpointError(f"{store.address(name)}/{path}: missing") from None
        except OSError as error:
            if error.errno != errno.EIO:  # the disk has lost it; other errors may be temporary
                raise UnreachableError(f"{path}: {error.strerror}") from None
            raise CheckpointError(
                f"{store.address(name)}/{path}: cannot be read: {error.strerror}"
            ) from None
