"""What the server knows of a dataset: its manifest, read and checked as what it is, a user's."""

import json
import os
import re
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from pydantic import ValidationError

from distnet.data.manifest import MANIFEST, Manifest
from distnet.protocol.errors import InvalidError, NotFoundError
from distnet.spec.reading.validation import first_damage

PUSHED = "pushed.json"
"""Who uploaded it, and when; its time of change is that of the last use."""
SHA256 = re.compile(r"[0-9a-f]{64}")
LONGEST_FILE = 200
LONGEST_NAME = 200
LONGEST_TEXT = 1000
"""Characters of its name, source and licence."""
MOST_FAULTS = 1000
"""Pydantic describes either all faults or none, which takes long for a million."""


@dataclass(frozen=True, slots=True)
class Stored:
    """A dataset of the store, or one that is being uploaded."""

    sha256: str
    name: str
    owner: str
    pushed_at: float
    num_samples: int
    shards: Mapping[str, int] = field(repr=False)
    """The bytes of each shard, by its sha256."""
    files: Mapping[str, tuple[str, ...]] = field(repr=False)
    """The names of each shard, by its sha256."""
    manifest_bytes: int

    @property
    def num_bytes(self) -> int:
        """Bytes of all shards."""
        return sum(self.shards.values())


def read_uploaded(data: bytes, sha256: str) -> Manifest:
    """Read the manifest that a user has sent.

    Raises:
        InvalidError: `bad_manifest`, or `wrong_hash`.
    """
    try:
        manifest = Manifest.model_validate_json(data)
    except ValidationError as error:
        many = error.error_count() > MOST_FAULTS
        fault = "it has too many faults" if many else first_damage(error)
        raise _bad(f"found a damaged manifest: {fault}") from None
    if (found := manifest.sha256) != sha256:
        raise InvalidError(
            f"found a manifest with sha256 {found}, expected {sha256}", code="wrong_hash"
        )
    for what in ("name", "source", "licence"):
        if len(getattr(manifest, what)) > LONGEST_TEXT:
            raise _bad(f"found a {what} of more than {LONGEST_TEXT:,} characters, expected fewer")
    names = [shard.file for split in manifest.splits.values() for shard in split.shards]
    if not names:
        raise _bad("found a manifest without shards, expected at least one")
    if len(set(names)) < len(names):
        raise _bad("found two shards with one file name, expected one each")
    if any(len(name) > LONGEST_FILE for name in names):
        raise _bad(f"found a file name of more than {LONGEST_FILE} characters, expected fewer")
    return manifest


def stored_of(
    manifest: Manifest, sha256: str, owner: str, pushed_at: float, *, manifest_bytes: int
) -> Stored:
    """What the store keeps in memory of a manifest."""
    sizes: dict[str, int] = {}
    files: dict[str, tuple[str, ...]] = {}
    for split in manifest.splits.values():
        for shard in split.shards:
            if sizes.setdefault(shard.sha256, shard.num_bytes) != shard.num_bytes:
                raise _bad(f"found two sizes of the shard {shard.sha256}, expected one")
            files[shard.sha256] = (*files.get(shard.sha256, ()), shard.file)
    num_samples = sum(split.num_samples for split in manifest.splits.values())
    name = manifest.name[:LONGEST_NAME]
    return Stored(sha256, name, owner, pushed_at, num_samples, sizes, files, manifest_bytes)


def read_stored(folder: Path) -> Stored | None:
    """Read a folder of the store; None if it is not whole."""
    try:
        data = (folder / MANIFEST).read_bytes()
        manifest = Manifest.model_validate_json(data)
        pushed = json.loads((folder / PUSHED).read_bytes())
        owner, pushed_at = str(pushed["owner"]), float(pushed["pushed_at"])
        return stored_of(manifest, folder.name, owner, pushed_at, manifest_bytes=len(data))
    except (OSError, ValueError, KeyError, TypeError, InvalidError):
        return None


def found_in(folder: Path) -> Iterator[Stored]:
    """The datasets in a folder that have a manifest."""
    names = os.listdir(folder) if folder.is_dir() else []
    found = (read_stored(folder / name) for name in names if SHA256.fullmatch(name))
    return (stored for stored in found if stored is not None)


def used_at(folder: Path) -> float:
    """When a dataset was last used, or an upload went on."""
    with suppress(OSError):
        return (folder / PUSHED).stat().st_mtime
    return 0.0


def no_dataset(sha256: str) -> NotFoundError:
    """Make the error for an unknown dataset."""
    return NotFoundError(f"there is no dataset {sha256}; list them with: distnet data stored")


def no_upload(sha256: str) -> NotFoundError:
    """Make the error for an upload that has not begun, or was removed."""
    return NotFoundError(
        f"there is no upload of the dataset {sha256}; begin it again: distnet data push"
    )


def _bad(wrong: str) -> InvalidError:
    remedy = "import the dataset again, then push it again"
    return InvalidError(f"{wrong}; {remedy}", code="bad_manifest")
