"""The job's own files: unpacked once for each content, where all nodes and later attempts see them.

    runs/.code/<sha256>/        the files; the job's relative paths count from here

They stay: a run is resumed, measured and exported with them, also after the server is gone.
"""

import hashlib
import shutil
import tempfile
from collections.abc import Callable
from pathlib import Path

from distnet.agent.archive import unpack
from distnet.errors import DataError, RunError

CODE = ".code"


def code_folder(runs: Path, sha256: str, fetch: Callable[[], bytes]) -> Path:
    """Find the files of an archive, or fetch and unpack it.

    Args:
        runs: the folder of run folders.
        sha256: of the archive.
        fetch: gets it.

    Raises:
        DataError: the archive is refused, or another one than was asked for.
        RunError: the folder cannot be written.
    """
    folder = runs / CODE / sha256
    if folder.is_dir():
        return folder
    data = fetch()
    if hashlib.sha256(data).hexdigest() != sha256:
        raise DataError(
            f"the server's archive with the job's own files is not {sha256[:12]}...; submit again"
        )
    try:
        _unpack_whole(data, folder)
    except OSError as error:
        raise RunError(
            f"{folder}: the job's own files cannot be unpacked: {error.strerror or error}; make "
            "room, or mend the folder's permissions"
        ) from None
    return folder


def _unpack_whole(data: bytes, folder: Path) -> None:
    """Unpack beside the folder, then rename: another attempt may do the same at this moment."""
    folder.parent.mkdir(parents=True, exist_ok=True)
    draft = Path(tempfile.mkdtemp(prefix=".partial-", dir=folder.parent))
    try:
        unpack(data, draft)
        draft.chmod(0o755)
        draft.rename(folder)
    except OSError:
        if not folder.is_dir():  # else another attempt was faster
            raise
    finally:
        shutil.rmtree(draft, ignore_errors=True)
