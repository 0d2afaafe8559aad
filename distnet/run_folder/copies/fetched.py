"""What a run folder that was copied from a server says of itself."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field

from distnet.errors import RunError
from distnet.run_folder.paths import RunFolder
from distnet.run_folder.read import read_object
from distnet.run_folder.write import write_json


@dataclass(frozen=True)
class Fetched:
    """The job whose run it is, and the state in which it was copied."""

    server: str
    """Its address at that time."""
    server_id: str
    """Its id, which is the same at any address."""
    job: str
    state: str
    is_live: bool
    """Whether it was training."""
    at: float
    """In seconds since 1970."""
    files: Mapping[str, str] = field(default_factory=dict)
    """By path, the version of each file."""
    sizes: Mapping[str, int] = field(default_factory=dict)
    """By path, the bytes of each file."""
    is_whole: bool = True
    """False while files are being replaced."""

    def is_unchanged(self, folder: RunFolder) -> bool:
        """Whether the run was not trained further here since then."""
        expected = self.sizes.get(folder.metrics.name)
        return not self.is_whole or expected is None or _size(folder) == expected


def read_fetched(folder: RunFolder) -> Fetched | None:
    """Read where a run was copied from; None of a run of this machine.

    Raises:
        RunError: the file is damaged.
    """
    facts = read_object(folder.fetched)
    try:
        return Fetched(**facts) if facts else None
    except TypeError as error:
        raise RunError(
            f"{folder.fetched}: damaged: {error}; remove {folder.path}, then fetch the job again"
        ) from None


def is_copy(folder: RunFolder) -> bool:
    """Whether a run is a copy of a server's job."""
    return folder.fetched.is_file()


def write_fetched(folder: RunFolder, fetched: Fetched) -> None:
    """Write where a run was copied from.

    Raises:
        RunError: it cannot be written.
    """
    write_json(folder.fetched, asdict(fetched))


def _size(folder: RunFolder) -> int:
    return folder.metrics.stat().st_size if folder.metrics.is_file() else 0
