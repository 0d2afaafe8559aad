"""What has changed in a worker's replica of the run folder since it was last shipped."""

from contextlib import suppress
from pathlib import Path

from distnet.launch.ray.relay.records import Change, read_part
from distnet.run_folder.paths import RunFolder

PIECE_BYTES = 4 * 2**20
State = bytes | tuple[int, int, int]
"""What a file is recognised by: its content if it is small, else its inode, time and size."""


class Changes:
    """Finds what was appended and what was written anew.

    Files that only grow are metrics.jsonl, event files and logs; only their new bytes are shipped.
    Requests, the fence and the copy of the code come from the launcher and are never shipped.

    Args:
        folder: of the replica.
    """

    def __init__(self, folder: RunFolder) -> None:
        self._folder = folder
        self._shipped: dict[Path, int] = {}
        self._states: dict[Path, State] = {}
        self._found: dict[Path, State] = {}

    def ignore_inputs(self) -> None:
        """Take what is there now for shipped: the launcher has it."""
        for path in self._files():
            if self._grows(path):
                self._shipped[path] = path.stat().st_size
            else:
                self._states[path] = self._state(path)

    def find(self) -> list[Change]:
        """What is to be shipped now, the oldest first; what grows comes in pieces, one a call."""
        found = [self._change(path) for path in self._files()]
        return [change for change in found if change is not None]

    def note_shipped(self, changes: list[Change]) -> None:
        """Note that these have arrived."""
        for change in changes:
            path = self._folder.path / change.name
            if change.start is None:
                self._states[path] = self._found[path]
            else:
                self._shipped[path] = change.start + len(change.data)
                if path.parent == self._folder.logs:
                    _shipped_file(path).write_text(str(self._shipped[path]))

    def _change(self, path: Path) -> Change | None:
        name = path.relative_to(self._folder.path).as_posix()
        if self._grows(path):
            start = self._shipped.get(path, 0)
            data = read_part(path, start, PIECE_BYTES)
            return Change(name, data, start) if data else None
        state = self._state(path)
        if state == self._states.get(path):
            return None
        self._found[path] = state
        return Change(name, path.read_bytes())

    def _files(self) -> list[Path]:
        folder = self._folder
        parents = (folder.path, folder.heartbeats, folder.logs, folder.tensorboard)
        files = (path for parent in parents if parent.is_dir() for path in parent.iterdir())
        own = [path for path in files if self._is_own(path)]
        return sorted(own, key=lambda path: path.stat().st_mtime_ns)

    def _is_own(self, path: Path) -> bool:
        """Whether the worker may have written it; a hidden file is not finished."""
        requests = (self._folder.stop, self._folder.fence, self._folder.start)
        return path.is_file() and not path.name.startswith(".") and path not in requests

    def _grows(self, path: Path) -> bool:
        folder = self._folder
        return path == folder.metrics or path.parent in (folder.logs, folder.tensorboard)

    def _state(self, path: Path) -> State:
        if path.parent == self._folder.heartbeats:  # mapped memory, whose time does not change
            return path.read_bytes()
        facts = path.stat()
        return facts.st_ino, facts.st_mtime_ns, facts.st_size


def leftover(log: str) -> bytes:
    """What was not shipped of a log on this machine; each time only what is new."""
    path, rest = Path(log), b""
    with suppress(OSError, ValueError):
        shipped = int(_shipped_file(path).read_text())
        rest = read_part(path, shipped, PIECE_BYTES)
        _shipped_file(path).write_text(str(shipped + len(rest)))
    return rest


def _shipped_file(log: Path) -> Path:
    """Where the number of shipped bytes of a log is kept, for when its worker has died."""
    return log.with_name(f".{log.name}-shipped")
