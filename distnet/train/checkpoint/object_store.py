"""Checkpoints in a store that cannot rename: S3, Google Cloud Storage, Azure, HDFS and others.

    step-00000938/attempt-2/weights.safetensors ...   the files, as attempt 2 wrote them
    step-00000938/manifest.json                       written last: before it there is no checkpoint
    damaged-step-00000469.txt                         why its manifest was removed

An attempt writes only below its own number, so one that has lost the run cannot touch the files of
the next. Readers pass over a folder without a manifest; a later commit removes what older attempts
left. Source: the manifest is the commit, as in Apache Iceberg's specification of table metadata.

On Azure the account needs its hierarchical namespace: without it Arrow moves no files.
"""

import re
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from typing import Any
from urllib.parse import urlsplit

from pyarrow.fs import FileSelector, FileSystem, FileType, FSSpecHandler, PyFileSystem

from distnet.errors import DistnetError, RunError
from distnet.train.checkpoint import durable
from distnet.train.checkpoint.durable import MANIFEST, Piece

ENTRY = re.compile(r"(?P<name>step-[0-9]+)(?:/attempt-(?P<attempt>[0-9]+))?(?:/(?P<file>[^/]+))?")
ARROW_SCHEMES = ("s3", "gs", "gcs", "abfs", "abfss", "hdfs", "viewfs")
WITH_BUCKETS = ("s3", "gcs", "abfs")


class UnreachableError(OSError):
    """A store does not respond as it should; that says nothing of the checkpoints in it."""


class ObjectStore:
    """The checkpoints below one path of a file system.

    Args:
        system: a `pyarrow.fs.FileSystem`.
        path: below which they lie.
        shown: its name in records and messages.
    """

    def __init__(self, system: Any, path: str, *, shown: str) -> None:
        self._system, self._path, self._shown = system, path.rstrip("/"), shown

    def names(self) -> list[str]:
        """Those that have a manifest, oldest first, not verified.

        Raises:
            UnreachableError: the store does not respond.
        """
        with _store_errors():
            found = self._whole(self._entries())
        return sorted(found, key=lambda name: int(name[5:]))

    def address(self, name: str = "") -> str:
        """Where one is, for messages."""
        return f"{self._shown}/{name}".rstrip("/")

    def read(self, name: str, file: str) -> bytes:
        """One file of one checkpoint.

        Raises:
            FileNotFoundError: it is not there.
            UnreachableError: the store does not respond.
        """
        with _store_errors(), self._system.open_input_stream(self._at(name, file)) as stream:
            return bytes(stream.read())

    def draft(self, name: str, attempt: int) -> "ObjectDraft":
        """Begin to write one; its files are below the attempt's number.

        Raises:
            UnreachableError: the store does not respond.
        """
        with _store_errors():
            durable.point(f"mkdir {name}")
            self._system.create_dir(self._at(name, f"attempt-{attempt}"))
        return ObjectDraft(self._system, self._at(name), attempt)

    def remove(self, name: str) -> None:
        """Remove one, its manifest first."""
        with suppress(OSError), _store_errors():
            self._delete(self._at(name, MANIFEST))
            self._delete_folder(self._at(name))

    def set_aside(self, name: str, reason: str) -> None:
        """Take a damaged one's manifest away and note why; of several workers the first one does.

        Raises:
            UnreachableError: the store does not respond.
        """
        with suppress(FileNotFoundError), _store_errors():
            if name not in self._whole(self._entries()):  # another worker was faster
                return
            _write(self._system, f"{self._path}/damaged-{name}.txt", [f"{reason}\n".encode()])
            self._delete(self._at(name, MANIFEST))

    def has_damaged(self) -> bool:
        """Whether one was set aside.

        Raises:
            UnreachableError: the store does not respond.
        """
        with _store_errors():
            return any(path.startswith("damaged-") for path in self._paths())

    def clean(self, attempt: int) -> None:
        """Remove what attempts up to this one left without a manifest; newer ones' is not touched.

        Raises:
            UnreachableError: the store does not respond.
        """
        with _store_errors():
            entries = list(self._entries())
            whole = self._whole(entries)
            for name in sorted({entry["name"] for entry in entries} - whole):
                numbers = {int(e["attempt"] or 0) for e in entries if e["name"] == name}
                if max(numbers) <= attempt:
                    self._delete_folder(self._at(name))
                    continue
                for number in sorted(n for n in numbers if 0 < n <= attempt):
                    self._delete_folder(self._at(name, f"attempt-{number}"))

    def check(self) -> None:
        """Make sure, without writing, that the store answers and has the bucket.

        Raises:
            RunError: it does not.
        """
        bucket = self._path.strip("/").split("/", 1)[0]
        try:
            with _store_errors():
                kind = self._system.get_file_info(bucket).type
        except OSError as error:
            raise RunError(
                f"found {self._shown}, which does not respond: {why(error)}; check the address "
                "and the credentials in the environment"
            ) from None
        if self._system.type_name in WITH_BUCKETS and kind == FileType.NotFound:
            raise RunError(f"found {self._shown}, but there is no bucket {bucket}; create it first")

    def _at(self, name: str, file: str = "") -> str:
        return f"{self._path}/{name}/{file}".rstrip("/")

    def _entries(self) -> Iterator[re.Match[str]]:
        matches = (ENTRY.fullmatch(path) for path in self._paths())
        return (match for match in matches if match)

    def _whole(self, entries: Iterable[re.Match[str]]) -> set[str]:
        return {e["name"] for e in entries if e["file"] == MANIFEST and e["attempt"] is None}

    def _paths(self) -> list[str]:
        """Everything below this store, relative to it."""
        selector = FileSelector(self._path, recursive=True, allow_not_found=True)
        found = self._system.get_file_info(selector)
        # Some file systems give paths with a slash before them, even for a path without one.
        return [info.path.strip("/")[len(self._path.strip("/")) + 1 :] for info in found]

    def _delete(self, path: str) -> None:
        durable.point(f"unlink {path.rsplit('/', 1)[-1]}")
        self._system.delete_file(path)

    def _delete_folder(self, path: str) -> None:
        durable.point(f"rmdir {path.rsplit('/', 1)[-1]}")
        self._system.delete_dir(path)


class ObjectDraft:
    """A checkpoint whose files are written, but not its manifest."""

    def __init__(self, system: Any, path: str, attempt: int) -> None:
        self._system, self._path, self._own = system, path, f"attempt-{attempt}"
        self._may_be_there = False

    def put(self, file: str, pieces: Iterable[Piece]) -> str:
        """Write one file below the attempt's number; returns its path in the checkpoint.

        Raises:
            UnreachableError: the store does not accept it.
        """
        with _store_errors():
            _write(self._system, f"{self._path}/{self._own}/{file}", pieces)
        return f"{self._own}/{file}"

    def commit(self, manifest: bytes, allow: Callable[[], None]) -> None:
        """Write the manifest and move it to its final name, where it appears whole.

        A move is a rename where the store has one, else a copy within the store.

        Raises:
            UnreachableError: the store does not accept it.
        """
        with _store_errors():
            draft = f"{self._path}/{self._own}/{MANIFEST}"
            _write(self._system, draft, [manifest])
            allow()
            durable.point(f"rename {MANIFEST}")
            self._may_be_there = True
            self._system.move(draft, f"{self._path}/{MANIFEST}")

    def discard(self) -> None:
        """Remove what was written, as far as that is possible.

        A move that failed may have succeeded nevertheless: then the files are those of a
        checkpoint. If it has not, they are removed with the next commit.
        """
        if self._may_be_there:
            return
        with suppress(OSError), _store_errors():
            durable.point(f"rmdir {self._own}")
            self._system.delete_dir(f"{self._path}/{self._own}")


def connect(address: str) -> tuple[Any, str]:
    """Find the file system behind an address, and the path in it.

    Raises:
        RunError: the kind of address is not supported, or a library for it is missing.
    """
    try:
        with _store_errors():
            if urlsplit(address).scheme in ARROW_SCHEMES:
                system, path = FileSystem.from_uri(address)
                return system, path
            # fsspec takes 50 ms to import, and few stores need it.
            from fsspec.core import url_to_fs

            foreign, path = url_to_fs(address)
            return PyFileSystem(FSSpecHandler(foreign)), path
    except OSError as error:
        raise RunError(
            f"found {address.split('?', 1)[0]!r}, which cannot be used: {why(error)}; expected "
            "a folder, or an address such as s3://bucket/folder"
        ) from None


def why(error: BaseException) -> str:
    """What the system says, in one line."""
    text = getattr(error, "strerror", None) or str(error).strip().split("\n", 1)[0]
    return text or type(error).__name__


def _write(system: Any, path: str, pieces: Iterable[Piece]) -> None:
    name = path.rsplit("/", 1)[-1]
    durable.point(f"create {name}")
    with system.open_output_stream(path) as stream:
        for piece in pieces:
            durable.point(f"write {name}")
            stream.write(piece)
        durable.point(f"close {name}")


@contextmanager
def _store_errors() -> Iterator[None]:
    """Turn whatever a foreign file system raises into one error; the types vary."""
    try:
        yield
    except (FileNotFoundError, UnreachableError, DistnetError):
        raise
    except Exception as error:
        raise UnreachableError(why(error)) from error
