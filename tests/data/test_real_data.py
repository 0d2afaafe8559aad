"""The importers on real published files, where they are at hand."""

import tarfile
from pathlib import Path

import numpy as np

from distnet.data.importing import import_dataset
from distnet.data.manifest import read_manifest
from distnet.data.shipped import find_dataset
from distnet.data.verify import verify_dataset
from tests.data.raw_files import read_split
from tests.needs import real_data


def unpack(archive: Path, folder: Path, most: int) -> Path:
    """Take the first `most` files of each folder of an archive."""
    taken: dict[str, int] = {}
    with tarfile.open(archive) as opened:
        for member in opened:
            parent = str(Path(member.name).parent)
            if member.isfile() and taken.get(parent, 0) < most:
                taken[parent] = taken.get(parent, 0) + 1
                opened.extract(member, folder, filter="data")
    return folder


def test_shipped_mnist_is_what_importing_the_idx_files_gives(tmp_path: Path) -> None:
    import_dataset(real_data("mnist"), tmp_path / "mnist")
    shipped = find_dataset("mnist", folder=tmp_path)
    for split in ("train", "test"):
        for ours, theirs in zip(
            read_split(shipped, split), read_split(tmp_path / "mnist", split), strict=True
        ):
            np.testing.assert_array_equal(ours, theirs)
    assert read_manifest(shipped).x == read_manifest(tmp_path / "mnist").x


def test_flowers_import_as_colour_images(tmp_path: Path) -> None:
    raw = unpack(real_data("flowers.tar"), tmp_path / "raw", most=8) / "flowers"
    manifest = import_dataset(raw, tmp_path / "out", options={"size": (32, 48)})
    assert manifest.x.shape == (3, 32, 48)
    assert manifest.y.classes == ("daisy", "dandelion", "rose", "sunflower", "tulip")
    assert all(0.2 < mean < 0.7 for mean in manifest.x.mean)
    assert verify_dataset(tmp_path / "out") == []


def test_faces_import_as_grey_images(tmp_path: Path) -> None:
    raw = unpack(real_data("orl-faces.tar.xz"), tmp_path / "raw", most=3) / "att_faces"
    manifest = import_dataset(raw, tmp_path / "out")
    assert manifest.x.shape == (1, 112, 92)
    assert manifest.y.classes == tuple(f"s{number}" for number in range(1, 41))
    assert sum(split.num_samples for split in manifest.splits.values()) == 120
    assert verify_dataset(tmp_path / "out") == []
