"""Pack a job's own code into an archive: the same files always give the same bytes."""

import hashlib
import io
import stat
import zipfile
from dataclasses import dataclass

from distnet.errors import DistnetError
from distnet.spec.code.collect import OwnCode, OwnFile
from distnet.spec.code.ignore import IGNORE_FILE
from distnet.spec.code.names import MOST_PARTS, can_travel, shown_name
from distnet.spec.reading.faults import shortened

EPOCH = (1980, 1, 1, 0, 0, 0)  # the earliest time that a zip can store


@dataclass(frozen=True)
class Archive:
    """A zip of a job's own code."""

    data: bytes
    sha256: str
    too_large: tuple[str, ...] = ()
    """Files that the job names and that were left out, each with its size."""
    linked: tuple[str, ...] = ()
    """Files that links to elsewhere lead to, each with its path there."""


def pack(code: OwnCode) -> Archive:
    """Archive the files of a job: sorted, with fixed times and modes.

    Raises:
        DistnetError: the name of one cannot be unpacked everywhere.
    """
    odd = [file.name for file in code.files if not can_travel(file.name)]
    if odd:
        raise DistnetError(
            f"found {shortened(shown_name(odd[0]))} among the job's own files, expected a name "
            f"without `:`, `\\` and control characters, in at most {MOST_PARTS} folders; rename "
            f"it, or leave it out with a {IGNORE_FILE}"
        )
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for file in code.files:
            archive.writestr(_entry(file), file.data)
    data = buffer.getvalue()
    return Archive(data, hashlib.sha256(data).hexdigest(), code.too_large, code.linked)


def _entry(file: OwnFile) -> zipfile.ZipInfo:
    entry = zipfile.ZipInfo(file.name, EPOCH)
    entry.create_system = 3  # Unix, whatever this system is
    entry.external_attr = (stat.S_IFREG | (0o755 if file.is_executable else 0o644)) << 16
    entry.compress_type = zipfile.ZIP_DEFLATED
    return entry
