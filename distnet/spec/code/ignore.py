"""Which files a `.distnetignore` beside the job file leaves out; its lines are those of gitignore.

`pathspec` reads them, so that negations, `**` and folders mean what they mean to git.
"""

from collections.abc import Callable
from pathlib import Path

from pathspec import GitIgnoreSpec

from distnet.errors import JobFileError

IGNORE_FILE = ".distnetignore"
IsIgnored = Callable[[str], bool]


def read_ignore(folder: Path) -> IsIgnored:
    """Read the `.distnetignore` of a folder; without one, nothing is left out.

    The name of a folder ends in a slash.

    Raises:
        JobFileError: the file cannot be read, or a line of it is not a pattern.
    """
    path = folder / IGNORE_FILE
    if not path.is_file():
        return lambda _: False
    try:
        spec = GitIgnoreSpec.from_lines(path.read_text("utf-8-sig").splitlines())
    except (OSError, ValueError) as error:
        raise JobFileError(f"{path}: cannot be read as lines of a gitignore: {error}") from None
    return spec.match_file
