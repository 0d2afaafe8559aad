"""Whether this machine sees a dataset of a user under the same path, as through a mount.

All that the response says is whether a dataset is there whose hash the user knows.
"""

import os
import stat
from pathlib import Path

from pydantic import ValidationError

from distnet.data.manifest import MANIFEST, Manifest

LARGEST_MANIFEST = 100_000_000


def is_mounted(path: str, sha256: str) -> bool:
    """Whether the dataset with this sha256 is at `path`, with all its shards."""
    folder = Path(path)
    try:
        manifest = Manifest.model_validate_json(_read(folder / MANIFEST))
        return manifest.sha256 == sha256 and _has_shards(folder, manifest)
    except (OSError, ValueError, ValidationError):
        return False


def _read(path: Path) -> bytes:
    """Read a regular file, without waiting for anything that is none."""
    handle = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
    with open(handle, "rb") as file:
        status = os.fstat(handle)
        if not stat.S_ISREG(status.st_mode) or status.st_size > LARGEST_MANIFEST:
            raise OSError(f"{path}: not a manifest")
        return file.read(LARGEST_MANIFEST)


def _has_shards(folder: Path, manifest: Manifest) -> bool:
    shards = (shard for split in manifest.splits.values() for shard in split.shards)
    return all((folder / shard.file).stat().st_size == shard.num_bytes for shard in shards)
