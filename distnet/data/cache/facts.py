"""What other machines need to know of a dataset to find out whether they see it."""

import hashlib
from collections.abc import Iterator
from pathlib import Path

from distnet.data.cache.presence import Presence
from distnet.data.manifest import MANIFEST, Manifest, Shard, read_manifest

PACKAGE = Path(__file__).parents[1]


def presence_of(folder: Path) -> Presence:
    """Describe the dataset in `folder`.

    Raises:
        DataError: there is none, or its manifest is damaged.
    """
    manifest, own = read_manifest(folder), folder.resolve()
    shards = tuple((shard.file, shard.num_bytes) for shard in shards_of(manifest))
    return Presence(
        folder=str(folder),
        name=manifest.name,
        num_bytes=sum(num_bytes for _, num_bytes in shards),
        manifest_sha256=hashlib.sha256((folder / MANIFEST).read_bytes()).hexdigest(),
        sha256=manifest.sha256,
        shards=shards,
        is_shipped=own.parent == PACKAGE,
    )


def shards_of(manifest: Manifest) -> Iterator[Shard]:
    """All shards of a dataset."""
    for split in manifest.splits.values():
        yield from split.shards
