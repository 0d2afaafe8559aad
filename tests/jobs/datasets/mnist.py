"""The first digits of MNIST, so that an evaluation is quick."""

from pathlib import Path

from distnet.data.column import cut
from distnet.data.importing import write_dataset
from distnet.data.manifest import read_manifest
from distnet.data.shards import ShardReader
from distnet.data.shipped import find_dataset
from distnet.data.sources.source import RawData
from distnet.data.sources.tables.arrays import as_chunks

NUM = 1000


def make(folder: Path) -> None:
    """Write a dataset of the first thousand images, a fifth of them for the test."""
    whole = find_dataset("mnist", folder=Path())
    manifest = read_manifest(whole)
    columns = ShardReader(whole, manifest, "train").read_group(0)
    first = {name: cut(column, 0, NUM) for name, column in columns.items()}
    data = RawData(fields=manifest.fields, splits={"train": as_chunks(first)})
    folder.mkdir()
    write_dataset(
        folder, data, name="mnist", source="mnist", licence=manifest.licence, test_fraction=0.2
    )
