"""Checkpoints in a folder that this worker does not see: in pieces, through the relay."""

from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from typing import Any

from distnet.errors import WorkerFailedError
from distnet.launch.ray.relay.call import Call
from distnet.train.checkpoint.durable import Piece
from distnet.train.checkpoint.home import OnPiece, no_piece

PIECE_BYTES = 4 * 2**20


class RemoteStore:
    """A store of checkpoints behind the relay.

    Args:
        call: calls the relay.
        store: `checkpoint.store` of the job.
        job_folder: what a relative folder counts from.
        on_piece: called after each piece that was read.
    """

    def __init__(
        self, call: Call, store: str | None, job_folder: str, on_piece: OnPiece = no_piece
    ) -> None:
        self._call, self._on_piece = call, on_piece
        self._shown = str(self._request("open", store, job_folder))

    def names(self) -> list[str]:
        """Those that are there, oldest first, not verified."""
        names: list[str] = self._request("names")
        return names

    def address(self, name: str = "") -> str:
        """Where one is, for messages."""
        return f"{self._shown}/{name}".rstrip("/")

    def read(self, name: str, file: str) -> bytes:
        """One file of one checkpoint.

        Raises:
            OSError: it is not there, or cannot be read.
        """
        data = bytearray()
        while piece := self._request("read", name, file, len(data), PIECE_BYTES):
            data += piece
            self._on_piece()
        return bytes(data)

    def draft(self, name: str, attempt: int) -> "RemoteDraft":
        """Begin to write one, under a name that contains the attempt's number."""
        self._request("begin", name, attempt)
        return RemoteDraft(self._request)

    def remove(self, name: str) -> None:
        """Remove one."""
        self._request("remove", name)

    def set_aside(self, name: str, reason: str) -> None:
        """Keep a damaged one under another name."""
        self._request("set_aside", name, reason)

    def has_damaged(self) -> bool:
        """Whether one was set aside."""
        return bool(self._request("has_damaged"))

    def clean(self, attempt: int) -> None:
        """Remove what attempts up to this one left half-written."""
        self._request("clean", attempt)

    def _request(self, method: str, *arguments: Any) -> Any:
        return self._call("checkpoints", method, *arguments)


class RemoteDraft:
    """A checkpoint that the relay is writing under a temporary name."""

    def __init__(self, request: Callable[..., Any]) -> None:
        self._request = request

    def put(self, file: str, pieces: Iterable[Piece]) -> str:
        """Write one file, and wait until the relay's disk has it."""
        self._request("create", file)
        for piece in joined(pieces, PIECE_BYTES):
            self._request("write", piece)
        self._request("end")
        return file

    def commit(self, manifest: bytes, allow: Callable[[], None]) -> None:
        """Write the manifest, then rename; durable when this returns.

        The relay checks the fence once more, just before it renames.
        """
        allow()
        self._request("commit", manifest)

    def discard(self) -> None:
        """Remove what was written, as far as that is possible."""
        with suppress(OSError, WorkerFailedError):
            self._request("discard")


def joined(pieces: Iterable[Piece], num_bytes: int) -> Iterator[bytes]:
    """Join small pieces, so that each but the last has about `num_bytes`."""
    waiting: list[Piece] = []
    size = 0
    for piece in pieces:
        if waiting and size + len(piece) > num_bytes:
            yield b"".join(waiting)
            waiting, size = [], 0
        waiting.append(piece)
        size += len(piece)
    if waiting:
        yield b"".join(waiting)
