"""The job's own files: unpacked once per content, where all nodes and later attempts see them.

    runs/.code/<sha256>/        the files; relative paths in the job file start here

They are kept: runs are resumed, evaluated and exported with them, even without the server.
"""

import hashlib
import secrets
import shutil
from collections.abc import Callable
from pathlib import Path

from distnet.agent.archive import unpack
from distnet.errors import DataError, RunError

CODE = ".code"


def code_folder(runs: Path, sha256: str, fetch: Callable[[], bytes]) -> Path:
    """Find the files of an archive, or download and unpack it.

    Args:
        runs: the folder of run folders.
        sha256: of the archive.
        fetch: downloads it.

    Raises:
        DataError: the archive is invalid, or has another hash.
        RunError: the folder cannot be written.
    """
    folder = runs / CODE / sha256
    if folder.is_dir():
        return folder
    data = fetch()
    found = hashlib.sha256(data).hexdigest()
    if found != sha256:
        raise DataError(
            f"the archive with the job's own files has sha256 {found[:12]}..., expected "
            f"{sha256[:12]}...; submit the job again"
        )
    try:
        _unpack_whole(data, folder)
    except OSError as error:
        raise RunError(
            f"{folder}: cannot unpack the job's own files: {error.strerror or error}; free disk "
            "space, or fix the permissions of the folder"
        ) from None
    return folder


def _unpack_whole(data: bytes, folder: Path) -> None:
    """Unpack to a temporary folder, then rename: another attempt may do the same right now."""
    folder.parent.mkdir(parents=True, exist_ok=True)
    draft = folder.parent / f".partial-{secrets.token_hex(8)}"
    draft.mkdir()  # mkdtemp would make it private, whatever the umask is
    try:
        unpack(data, draft)
        draft.rename(folder)
    except OSError:
        if not folder.is_dir():  # otherwise another attempt was faster
            raise
    finally:
        shutil.rmtree(draft, ignore_errors=True)
