"""What `checkpoint.store` of a job file names: a folder, or the address of an object store."""

import re
from pathlib import Path
from urllib.parse import unquote, urlsplit

from distnet.errors import RunError

ADDRESS = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*://")
HALF_ADDRESS = re.compile(r"[A-Za-z][A-Za-z0-9+.-]+:")
EXPECTED = "expected a folder, or an address such as s3://bucket/folder"


def is_folder(store: str | None) -> bool:
    """Whether `checkpoint.store` of a job is a folder; without one it is in the run folder.

    Raises:
        RunError: the address cannot be used.
    """
    return store is None or folder_of(store, Path()) is not None


def folder_of(store: str, job_folder: Path) -> Path | None:
    """The folder that `store` names; None for an address of something else.

    Args:
        store: `checkpoint.store` of a job file.
        job_folder: what a relative folder counts from.

    Raises:
        RunError: it is neither a folder nor an address.
    """
    if not ADDRESS.match(store):
        if not store.strip() or HALF_ADDRESS.match(store.split("/", 1)[0]):
            raise RunError(f"found {store!r}, {EXPECTED}")
        return job_folder / Path(store).expanduser()
    parts = urlsplit(store)
    if parts.scheme != "file":
        return None
    if parts.netloc not in ("", "localhost") or not parts.path:
        raise RunError(f"found {store!r}, expected a file address such as file:///data/checkpoints")
    return Path(unquote(parts.path))
