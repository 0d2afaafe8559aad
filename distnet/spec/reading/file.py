"""Read the text of a file that a person wrote, or say why it cannot be read."""

from difflib import get_close_matches
from pathlib import Path

from distnet.errors import JobFileError
from distnet.spec.reading.faults import FaultsError, Locations
from distnet.spec.reading.yaml import MAX_BYTES, decode


def read_text(path: Path, *, what: str, remedy: str) -> str:
    """Read a file of at most 256 kB.

    Args:
        path: the file.
        what: its kind, such as "job file".
        remedy: how to make one.

    Raises:
        JobFileError: there is none, it cannot be read, is too large, or is not UTF-8.
    """
    try:
        with path.open("rb") as file:
            data = file.read(MAX_BYTES + 1)
    except FileNotFoundError:
        near = nearest(path)
        hint = f"did you mean {near}?" if near else remedy
        raise JobFileError(f"{path}: found no such file, expected a {what}; {hint}") from None
    except IsADirectoryError:
        raise JobFileError(f"{path}: found a folder, expected a {what}; {remedy}") from None
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or error
        raise JobFileError(f"{path}: the {what} cannot be read: {reason}") from None
    try:
        return decode(data)
    except FaultsError as error:
        raise Locations(str(path)).error(error.faults) from None


def nearest(path: Path) -> Path | None:
    """The file beside it whose name is most alike, with the same suffix; None if none is."""
    try:
        names = [file.name for file in path.parent.iterdir() if file.suffix == path.suffix]
    except OSError:
        return None
    return next((path.with_name(name) for name in get_close_matches(path.name, names, 1)), None)
