"""Everything below a folder, however deep."""

import os
from collections.abc import Iterator
from pathlib import Path


def below(folder: Path) -> Iterator[Path]:
    """Go through all files and folders below a folder; links to folders are not followed.

    Not `Path.rglob`, which calls itself for each folder in a folder. What may not be read is left
    out, as there.
    """
    left = [str(folder)]
    while left:
        try:
            with os.scandir(left.pop()) as found:
                entries = sorted(found, key=lambda entry: entry.name)
        except PermissionError:
            continue
        yield from (Path(entry.path) for entry in entries)
        left += [entry.path for entry in reversed(entries) if entry.is_dir(follow_symlinks=False)]
