"""Which job of which server trains in a run folder: between its attempts no process holds it."""

from dataclasses import asdict, dataclass

from distnet.errors import RunError
from distnet.run_folder.paths import RunFolder
from distnet.run_folder.read import read_object
from distnet.run_folder.write import write_json


@dataclass(frozen=True)
class Owner:
    """A job of a server."""

    server_id: str
    """The id of the server, which is the same at any address."""
    job: str


def read_owner(folder: RunFolder) -> Owner | None:
    """Read which job trains in a folder; None of a run that was started without a server.

    Raises:
        RunError: the file is damaged.
    """
    facts = read_object(folder.owner)
    try:
        return Owner(**facts) if facts else None
    except TypeError as error:
        raise RunError(f"{folder.owner}: damaged: {error}; expected a server and a job") from None


def write_owner(folder: RunFolder, owner: Owner) -> None:
    """Write which job trains in a folder.

    Raises:
        RunError: it cannot be written.
    """
    write_json(folder.owner, asdict(owner))
