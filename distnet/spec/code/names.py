"""The names of own files: as the job file writes them, and in a copy of the code.

A copy has the layout of the job file's folder. A file from outside of that folder has its place in
the copy too: `../nets/a.py` is `__up__/nets/a.py` there, and `/nets/a.py` is `__root__/nets/a.py`.
"""

import os
from pathlib import Path, PurePosixPath

UP, ROOT = "__up__", "__root__"
MOST_PARTS = 32
LONGEST_NAME = 1_000


def file_of(kind: str) -> str | None:
    """The file that a part's kind names, as written; None for the kind of a shipped part."""
    file = kind if kind.endswith(".py") else kind.rpartition(":")[0]
    return file if file.endswith(".py") else None


def stored_name(written: str) -> str:
    """The name in a copy of what the job file writes as `written`."""
    parts = PurePosixPath(os.path.normpath(written)).parts
    names = {"..": UP, "/": ROOT, "//": ROOT}
    return "/".join(names.get(part, part) for part in parts)


def can_travel(stored: str) -> bool:
    """Whether a file of this name can be uploaded, and be unpacked on any machine."""
    path = PurePosixPath(stored)
    is_relative = bool(path.parts) and not path.is_absolute() and ".." not in path.parts
    is_short = len(path.parts) <= MOST_PARTS and len(stored) <= LONGEST_NAME
    return is_relative and is_short and stored.isprintable() and not {*stored} & {"\\", ":"}


def shown_name(stored: str) -> str:
    """The name that messages use, such as `mynet.py`, of a name in a copy."""
    parts = [{UP: "..", ROOT: "/"}.get(part, part) for part in stored.split("/")]
    return str(PurePosixPath(*parts))


def locate(written: str, folder: Path) -> Path:
    """Find what the job file writes as `written`: in its folder, or in a copy of the code."""
    copied = folder / stored_name(written)
    return copied if copied.is_file() else Path(os.path.abspath(folder / written))
