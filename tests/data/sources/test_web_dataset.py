"""Shards of the WebDataset convention."""

import io
import json
import tarfile
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from distnet.data.importing import import_dataset
from distnet.errors import DataError
from tests.data.raw_files import picture, read_split


def shard(path: Path, files: Mapping[str, bytes | str]) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    with tarfile.open(path, "w") as tar:
        for name, content in files.items():
            data = content.encode() if isinstance(content, str) else content
            member = tarfile.TarInfo(name)
            member.size = len(data)
            tar.addfile(member, io.BytesIO(data))
    return path


def samples(*labels: int, first: int = 0) -> dict[str, bytes | str]:
    """Pictures by their number, each with the index of its class."""
    files: dict[str, bytes | str] = {}
    for number, label in enumerate(labels, first):
        files |= {f"a/{number:04}.png": picture(number), f"a/{number:04}.cls": f"{label}\n"}
    return files


def pixels(number: int) -> np.ndarray:
    return np.asarray(Image.open(io.BytesIO(picture(number)))).transpose(2, 0, 1)


def test_shards_of_both_splits_are_imported_in_their_order(tmp_path: Path) -> None:
    shard(tmp_path / "raw/set-train-000000.tar", samples(10, 2))
    shard(tmp_path / "raw/set-train-000001.tar", samples(2, first=2))
    shard(tmp_path / "raw/set-test-000000.tar", samples(10, first=3))

    manifest = import_dataset(tmp_path / "raw", tmp_path / "out")

    assert manifest.source == "web-dataset: raw"
    assert (manifest.x.shape, manifest.y.classes) == ((3, 8, 10), ("2", "10"))
    x, y = read_split(tmp_path / "out", "train")
    assert y.tolist() == [1, 0, 0]
    np.testing.assert_array_equal(x, np.stack([pixels(0), pixels(1), pixels(2)]))
    x, y = read_split(tmp_path / "out", "test")
    assert (y.tolist(), x.tolist()) == ([1], [pixels(3).tolist()])


def test_folders_hold_splits_and_classes_are_named(tmp_path: Path) -> None:
    shard(tmp_path / "raw/train/00000.tar", samples(0, 1))
    shard(tmp_path / "raw/val/00000.tar", samples(1))

    manifest = import_dataset(
        tmp_path / "raw", tmp_path / "out", options={"classes": ["ant", "bee"]}
    )

    assert manifest.y.classes == ("ant", "bee")
    assert {name: s.num_samples for name, s in manifest.splits.items()} == {"train": 2, "val": 1}


def test_a_key_of_the_json_or_a_text_is_learned_by_its_name(tmp_path: Path) -> None:
    files: dict[str, bytes | str] = {}
    for number, (label, age) in enumerate([("cat", 3), ("dog", 1.5)] * 3):
        facts = json.dumps({"label": label, "age": age, "boxes": [[1, 2]]})
        files |= {f"{number}.jpeg": picture(number, kind="JPEG"), f"{number}.json": facts}
        files[f"{number}.seg.png"] = b"a mask"
    path = shard(tmp_path / "train.tar", files)

    named = import_dataset(path, tmp_path / "named", test_fraction=0)
    aged = import_dataset(path, tmp_path / "aged", test_fraction=0, options={"target": ["age"]})

    assert named.y.classes == ("cat", "dog")
    assert read_split(tmp_path / "named", "train")[1].tolist() == [0, 1] * 3
    assert aged.y.kind == "number"
    assert read_split(tmp_path / "aged", "train")[1].ravel().tolist() == [3.0, 1.5] * 3


def test_a_shard_that_was_cut_is_refused_wherever_it_ends(tmp_path: Path) -> None:
    whole = shard(tmp_path / "whole.tar", samples(0, 1, 0, 1)).read_bytes()
    between = whole.index(b"a/0002.png")  # all files before it are whole

    for length in (between, between + 600, 700, 100):
        path = tmp_path / "train.tar"
        path.write_bytes(whole[:length])
        with pytest.raises(DataError, match=r"train\.tar: damaged or cut off"):
            import_dataset(path, tmp_path / "out", kind="web-dataset")


@pytest.mark.parametrize(
    ("files", "message"),
    [
        ({"0.png": picture(0), "0.cls": "0", "1.png": picture(1)}, "sample '1'.*missing"),
        ({"0.png": picture(0), "0.cls": "0", "1.cls": "1"}, "sample '1'.*the image is missing"),
        ({"0.png": picture(0), "0.jpg": picture(0), "0.cls": "0"}, "two files of the kind image"),
        ({"0.png": b"no image", "0.cls": "0"}, "sample '0', column 'image': cannot be read"),
        ({"0.png": picture(0), "0.cls": b"\xff\xfe"}, r"the file \.cls holds no UTF-8 text"),
        ({"0.png": picture(0), "0.json": "{"}, "its .json is damaged"),
        ({"0.txt": "a text", "0.cls": "0"}, "found no images in it"),
    ],
)
def test_what_cannot_be_learned_is_refused_with_its_key(
    files: dict[str, bytes | str], message: str, tmp_path: Path
) -> None:
    path = shard(tmp_path / "train.tar", files)

    with pytest.raises(DataError, match=message):
        import_dataset(path, tmp_path / "out", kind="web-dataset")
    assert not (tmp_path / "out").exists()


def test_an_archive_of_a_folder_is_not_taken_for_a_shard(tmp_path: Path) -> None:
    path = shard(tmp_path / "flowers.tar", {"rose/1.png": picture(0), "tulip/2.png": picture(1)})

    with pytest.raises(DataError, match="unpack the archive and import the folder"):
        import_dataset(path, tmp_path / "out")
