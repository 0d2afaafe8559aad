import gzip
import re
import shutil
import struct
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from distnet.data.importing import import_dataset
from distnet.errors import DataError
from tests.data.raw_files import digits, idx_bytes, read_split, small_idx, write_idx


@pytest.mark.parametrize("zipped", [True, False])
def test_import_gives_the_arrays_of_the_files(tmp_path: Path, zipped: bool) -> None:
    small_idx(tmp_path / "raw", zipped=zipped)
    manifest = import_dataset(tmp_path / "raw", tmp_path / "out")

    assert manifest.source == "idx: raw"
    assert manifest.x.shape == (1, 4, 6)
    assert manifest.y.classes == ("0", "1", "2")
    for split, (images, labels) in {"train": digits(12), "test": digits(5, seed=1)}.items():
        x, y = read_split(tmp_path / "out", split)
        np.testing.assert_array_equal(x[:, 0], images)
        np.testing.assert_array_equal(y, labels)


def test_import_finds_the_folder_when_one_file_of_it_is_given(tmp_path: Path) -> None:
    small_idx(tmp_path / "raw")
    file = tmp_path / "raw" / "train-images-idx3-ubyte.gz"
    assert import_dataset(file, tmp_path / "out").splits["test"].num_samples == 5


def test_training_files_alone_are_cut_into_two_splits(tmp_path: Path) -> None:
    write_idx(tmp_path / "raw", {"train": digits(100)}, zipped=False)
    splits = import_dataset(tmp_path / "raw", tmp_path / "out").splits
    assert splits["train"].num_samples + splits["test"].num_samples == 100
    assert splits["test"].num_samples > 0


def test_classes_get_their_names(tmp_path: Path) -> None:
    small_idx(tmp_path / "raw")
    manifest = import_dataset(
        tmp_path / "raw", tmp_path / "out", options={"classes": ("ant", "bee", "cat")}
    )
    assert manifest.y.classes == ("ant", "bee", "cat")


def _cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-7])


def _lengthen(path: Path) -> None:
    path.write_bytes(gzip.compress(gzip.decompress(path.read_bytes()) + b"xyz"))


def _shorten(path: Path) -> None:
    path.write_bytes(gzip.compress(gzip.decompress(path.read_bytes())[:-7]))


def _only_head(path: Path) -> None:
    path.write_bytes(b"\x00\x00\x08")


def _other_magic(path: Path) -> None:
    path.write_bytes(idx_bytes(digits(12)[1]))


def _huge(path: Path) -> None:
    path.write_bytes(struct.pack(">4I", 0x803, *[2**32 - 1] * 3) + bytes(9))


def _no_images(path: Path) -> None:
    path.write_bytes(idx_bytes(np.zeros((0, 4, 6), np.uint8)))


def _fewer(path: Path) -> None:
    path.write_bytes(idx_bytes(digits(11)[0]))


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (_cut, "cannot be read .*download it again"),
        (_lengthen, "longer, expected 288 bytes of images"),
        (_shorten, r"281 bytes, expected 288 bytes of images .*12 x 4 x 6"),
        (_only_head, "too short for an IDX file"),
        (_other_magic, "begins with 0x00000801, expected 0x00000803"),
        (_huge, "9 bytes, expected 79228162458924105385300197375 bytes"),
        (_no_images, "empty .*0 x 4 x 6"),
    ],
)
def test_import_names_the_file_when_it_is_damaged(
    tmp_path: Path, damage: Callable[[Path], None], message: str
) -> None:
    file = small_idx(tmp_path / "raw") / "train-images-idx3-ubyte.gz"
    damage(file)
    with pytest.raises(DataError, match=re.escape(str(file)) + ".*" + message):
        import_dataset(tmp_path / "raw", tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_import_refuses_counts_that_differ(tmp_path: Path) -> None:
    _fewer(small_idx(tmp_path / "raw") / "train-images-idx3-ubyte.gz")
    with pytest.raises(DataError, match=r"12 labels, but train-images.* has 11 images"):
        import_dataset(tmp_path / "raw", tmp_path / "out")


def test_import_refuses_labels_beyond_the_named_classes(tmp_path: Path) -> None:
    small_idx(tmp_path / "raw")
    with pytest.raises(DataError, match=r"train-labels.*label 2 at position 2 .* 0 to 1"):
        import_dataset(tmp_path / "raw", tmp_path / "out", options={"classes": ("a", "b")})


def test_import_says_which_part_is_missing(tmp_path: Path) -> None:
    small_idx(tmp_path / "raw")
    (tmp_path / "raw" / "t10k-labels-idx1-ubyte.gz").unlink()
    with pytest.raises(DataError, match="the labels of the test split are missing"):
        import_dataset(tmp_path / "raw", tmp_path / "out")


def test_import_refuses_splits_of_different_sizes(tmp_path: Path) -> None:
    small_idx(tmp_path / "raw")
    shutil.rmtree(tmp_path / "raw")
    images, labels = digits(12)
    write_idx(
        tmp_path / "raw",
        {"train": (images, labels), "t10k": (images[:, :3], labels)},
        zipped=False,
    )
    with pytest.raises(DataError, match="different sizes: train 4x6, test 3x6"):
        import_dataset(tmp_path / "raw", tmp_path / "out")


def test_one_of_several_sets_is_chosen_by_a_file_of_it(tmp_path: Path) -> None:
    for num, name in ((5, "digits"), (8, "LETTERS")):
        write_idx(tmp_path / "raw", {f"emnist-{name}-train": digits(num)}, zipped=False)
    with pytest.raises(DataError, match=r"several sets.*emnist-LETTERS-train.*emnist-digits-train"):
        import_dataset(tmp_path / "raw", tmp_path / "out")

    file = tmp_path / "raw" / "emnist-LETTERS-train-labels-idx1-ubyte"
    manifest = import_dataset(file, tmp_path / "out", test_fraction=0)
    assert manifest.splits["train"].num_samples == 8
