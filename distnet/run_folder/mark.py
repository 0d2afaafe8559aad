"""A random mark in the run folder: a worker that reads it sees this very folder.

The path alone proves nothing: two machines may each have a folder of that path.
"""

from secrets import token_hex

from distnet.errors import RunError
from distnet.run_folder.paths import RunFolder
from distnet.run_folder.write import write_whole


def write_mark(folder: RunFolder) -> str:
    """Write a new mark, and return it.

    Raises:
        RunError: the folder is gone, or cannot be written.
    """
    if not folder.path.is_dir():
        raise RunError(f"{folder.path}: the run folder is gone; restore it, or start a new run")
    mark = token_hex(8)
    write_whole(folder.mark, mark.encode())
    return mark


def has_mark(folder: RunFolder, mark: str) -> bool:
    """Whether the folder has this mark."""
    try:
        return folder.mark.read_text() == mark
    except OSError:
        return False
