"""The replica of the run folder that a worker has on its node, shipped as it grows.

The worker reads and writes it as if it were the run folder. A thread ships a few times a second
what was appended or written anew, and brings the requests that others make: `stop` and `fence`.
"""

import os
import threading
import time
from collections.abc import Callable
from pathlib import Path

from distnet.launch.ray.relay.call import Call
from distnet.launch.ray.relay.changes import PIECE_BYTES, Changes
from distnet.launch.ray.relay.records import Input, Reply
from distnet.run_folder.paths import RunFolder
from distnet.spec.code.modes import make_executable

SHIP_EVERY_S = 0.2
END_AFTER_S = 10.0
"""A worker that is cut off has so long to end by itself, with its own error."""
END_CODE = 1


class Replica:
    """The replica of one worker.

    Args:
        folder: of the replica; its name is that of the run.
        rank: the worker's.
        call: calls the relay.
        end: ends this process.
    """

    def __init__(
        self, folder: RunFolder, rank: int, call: Call, end: Callable[[int], None] = os._exit
    ) -> None:
        self.folder, self._rank, self._call, self._end = folder, rank, call, end
        self._changes = Changes(folder)
        self._lock = threading.Lock()
        self._closed = threading.Event()
        self._error: Exception | None = None
        self._thread = threading.Thread(target=self._run, name="replica", daemon=True)

    def fetch(self) -> None:
        """Copy what a worker reads from its run folder."""
        for path in (self.folder.path, self.folder.logs, self.folder.heartbeats):
            path.mkdir(parents=True, exist_ok=True)
        for each in self._call("records", "inputs"):
            self._fetch(each)
        self._changes.ignore_inputs()

    def start(self) -> None:
        """Begin to ship."""
        self._thread.start()

    def flush(self) -> None:
        """Ship all changes; when this returns, the run folder has them.

        Raises:
            StaleAttemptError: a newer attempt has begun.
            WorkerFailedError: the relay does not respond.
            OSError: the run folder is full.
        """
        if self._error is not None:
            raise self._error
        with self._lock:
            while self._ship():
                continue

    def close(self) -> None:
        """Ship the rest, and end the thread.

        Raises:
            DistnetError: as `flush` does.
            OSError: as `flush` does.
        """
        self._closed.set()
        self._thread.join()
        self.flush()

    def _ship(self) -> bool:
        """Ship what has changed; returns whether more may be left.

        A request to stop arrives from a full disk, too: it may be why the run is stopped.
        """
        changes = self._changes.find()
        reply: Reply = self._call("records", "write", self._rank, changes)
        for name, content in reply.requests.items():
            _take_over(self.folder.path / name, content)
        if reply.error is not None:
            raise reply.error
        self._changes.note_shipped(changes)
        return any(len(change.data) >= PIECE_BYTES for change in changes)

    def _run(self) -> None:
        while not self._closed.wait(SHIP_EVERY_S):
            try:
                self.flush()
            except OSError:  # a full disk; the files here keep what waits
                continue
            except Exception as error:  # nothing may end this thread unreported
                self._fail(error)
                return

    def _fail(self, error: Exception) -> None:
        """Have this worker end: by its own error, else without further ado."""
        self._error = error
        print(f"worker {self._rank} ends: {error}", flush=True)  # noqa: T201
        if not self._closed.wait(END_AFTER_S):
            self._end(END_CODE)

    def _fetch(self, file: Input) -> None:
        path = self.folder.path / file.name
        path.parent.mkdir(parents=True, exist_ok=True)
        position = 0
        with path.open("wb") as copy:
            while data := self._call("records", "read", file.name, position, PIECE_BYTES):
                position += copy.write(data)
        if file.is_executable:
            make_executable(path)


def _take_over(path: Path, content: bytes | None) -> None:
    """Make a request the same here as in the run folder."""
    if content is None:
        path.unlink(missing_ok=True)
    elif not path.exists() or path.read_bytes() != content:
        partial = path.with_name(f".{path.name}-{time.monotonic_ns()}")
        partial.write_bytes(content)
        partial.replace(path)
