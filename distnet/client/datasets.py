"""Upload datasets to a server, by content: only what it lacks, in pieces, several shards at a time.

The server keeps what has arrived, so that an upload goes on where it was after a broken connection,
Ctrl-C, or the end of either side.
"""

import threading
import time
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from distnet.client.client import Client
from distnet.data.manifest import MANIFEST, Manifest, Shard, read_manifest
from distnet.errors import DataError
from distnet.protocol.errors import InvalidError, ServerError
from distnet.spec.content import source_of
from distnet.spec.printable import argument

AT_ONCE = 4
"""Shards that are uploaded at a time."""
PIECE_S = 4.0
"""How long a piece takes, about: on slow links pieces are smaller."""
SMALLEST_PIECE, FIRST_PIECE = 128_000, 1_000_000
MOST_REPEATS = 20
"""Pieces of a shard, one after the other, of which the server kept nothing."""
POLL_EVERY_S = 0.1

Progress = Callable[[int, int], None]
"""Takes the bytes that the server has received of those that it lacked, and their number."""


@dataclass(frozen=True)
class LocalDataset:
    """A dataset in a folder of this machine."""

    folder: Path
    """An absolute path."""
    manifest: Manifest
    sha256: str
    """Of the manifest."""

    @property
    def source(self) -> str:
        """What names it in a job file, wherever it is."""
        return source_of(self.sha256)

    @property
    def num_bytes(self) -> int:
        """Bytes of all shards."""
        return sum(split.num_bytes for split in self.manifest.splits.values())


@dataclass(frozen=True)
class Pushed:
    """What an upload has done."""

    num_bytes: int
    """That were sent; 0 if the server had the dataset."""
    seconds: float


def open_dataset(folder: Path) -> LocalDataset:
    """Read the manifest of a dataset.

    Raises:
        DataError: there is none, or it is damaged.
    """
    manifest = read_manifest(folder)
    return LocalDataset(folder.absolute(), manifest, manifest.sha256)


def push(client: Client, dataset: LocalDataset, on_progress: Progress | None = None) -> Pushed:
    """Upload what the server lacks of a dataset.

    Args:
        client: of the server.
        dataset: the dataset.
        on_progress: called about ten times a second.

    Raises:
        DataError: a shard is not as the manifest says.
        ServerError: the server refuses it, or does not respond for minutes.
    """
    began = time.monotonic()
    if client.has_dataset(dataset.sha256):
        return Pushed(0, 0.0)
    upload = _Upload(client.patient(), dataset)
    upload.run(on_progress or (lambda done, total: None))
    return Pushed(upload.num_sent, time.monotonic() - began)


class _Upload:
    """The upload of one dataset, by a few threads."""

    def __init__(self, client: Client, dataset: LocalDataset) -> None:
        self._client, self._dataset = client, dataset
        self._manifest = (dataset.folder / MANIFEST).read_bytes()
        self._shards = _shards(dataset)
        self._lock = threading.Lock()
        self._done: dict[str, int] = {}
        """The bytes that the server has, of each shard that it lacked."""
        self._piece_bytes = FIRST_PIECE
        self._largest_piece = FIRST_PIECE
        self._error: BaseException | None = None
        self.num_sent = 0

    def run(self, on_progress: Progress) -> None:
        """Upload the dataset."""
        state = self._client.begin_dataset(self._dataset.sha256, self._manifest)
        missing = {shard["sha256"]: int(shard["offset"]) for shard in state["missing"]}
        for sha256 in missing:
            self._require_whole(self._shards[sha256])
        self._largest_piece = int(state["piece_bytes"])
        self._piece_bytes = min(FIRST_PIECE, self._largest_piece)
        self._done = dict(missing)
        self._send_all(missing, on_progress)
        if not self._client.begin_dataset(self._dataset.sha256, self._manifest)["is_complete"]:
            raise ServerError(
                f"the server has lost a part of the dataset {self._dataset.folder}; push it again"
            )

    def _send_all(self, missing: Mapping[str, int], on_progress: Progress) -> None:
        total = sum(self._shards[sha].num_bytes - offset for sha, offset in missing.items())
        begin = sum(missing.values())
        left = deque(missing.items())
        # Daemons: Ctrl-C does not wait for a piece, of which the server keeps nothing or all.
        threads = [
            threading.Thread(target=self._work, args=(left,), daemon=True)
            for _ in range(min(AT_ONCE, len(missing)))
        ]
        try:
            on_progress(0, total)
            for thread in threads:
                thread.start()
            for thread in threads:
                while thread.is_alive() and self._error is None:
                    on_progress(sum(self._done.values()) - begin, total)
                    thread.join(POLL_EVERY_S)
        except BaseException as error:
            self._error = error
            raise
        if self._error is not None:
            raise self._error
        on_progress(total, total)

    def _work(self, left: deque[tuple[str, int]]) -> None:
        client = Client(self._client.target, patience_s=self._client.patience_s)
        while self._error is None:
            with self._lock:
                if not left:
                    return
                sha256, offset = left.popleft()
            try:
                self._send(client, self._shards[sha256], offset)
            except BaseException as error:
                self._error = self._error or error

    def _send(self, client: Client, shard: Shard, offset: int) -> None:
        """Upload a shard from an offset; once more from its start, if its beginning was damaged."""
        try:
            self._send_from(client, shard, offset)
        except InvalidError as error:
            if error.code != "wrong_hash" or offset == 0:
                raise
            self._send_from(client, shard, 0)

    def _send_from(self, client: Client, shard: Shard, offset: int) -> None:
        num_repeats = 0
        with (self._dataset.folder / shard.file).open("rb") as file:
            while self._error is None:
                file.seek(offset)
                data = file.read(self._piece_bytes)
                began = time.monotonic()
                next_offset = client.put_shard(self._dataset.sha256, shard.sha256, offset, data)
                self._note(shard, next_offset, len(data), time.monotonic() - began)
                if next_offset == shard.num_bytes and offset + len(data) >= next_offset:
                    return
                num_repeats = 0 if next_offset > offset else num_repeats + 1
                if num_repeats > MOST_REPEATS:
                    raise ServerError(f"{shard.file}: the server keeps nothing of it; see its log")
                offset = next_offset

    def _note(self, shard: Shard, offset: int, num_bytes: int, seconds: float) -> None:
        """Remember how far a shard is, and how large a piece may be."""
        with self._lock:
            self.num_sent += num_bytes
            self._done[shard.sha256] = offset
            if num_bytes == self._piece_bytes:
                fitting = int(num_bytes * min(2.0, PIECE_S / max(seconds, 0.001)))
                self._piece_bytes = min(self._largest_piece, max(SMALLEST_PIECE, fitting))

    def _require_whole(self, shard: Shard) -> None:
        path = self._dataset.folder / shard.file
        try:
            found = path.stat().st_size
        except OSError as error:
            raise DataError(f"{path}: {error.strerror}; {self._remedy}") from None
        if found != shard.num_bytes:
            raise DataError(
                f"{path}: found {found:,} bytes, the manifest says {shard.num_bytes:,}; "
                f"{self._remedy}"
            )

    @property
    def _remedy(self) -> str:
        return f"check the dataset: distnet data verify {argument(self._dataset.folder)}"


def _shards(dataset: LocalDataset) -> dict[str, Shard]:
    splits = dataset.manifest.splits.values()
    return {shard.sha256: shard for split in splits for shard in split.shards}
