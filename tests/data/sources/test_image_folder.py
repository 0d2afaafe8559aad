from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from distnet.data.importing import import_dataset
from distnet.errors import DataError
from tests.data.raw_files import image_folder, picture, read_split


def test_import_keeps_pixels_and_order_when_nothing_is_resized(tmp_path: Path) -> None:
    image_folder(tmp_path / "raw" / "train", {"s10": 2, "s2": 3})
    image_folder(tmp_path / "raw" / "test", {"s10": 1, "s2": 1})
    manifest = import_dataset(tmp_path / "raw", tmp_path / "out")

    assert manifest.y.classes == ("s2", "s10")
    assert manifest.x.shape == (3, 8, 10)
    x, y = read_split(tmp_path / "out", "train")
    assert y.tolist() == [0, 0, 0, 1, 1]
    for image, name in zip(x, ["s2/0", "s2/1", "s2/2", "s10/0", "s10/1"], strict=True):
        pixels = np.asarray(Image.open(tmp_path / "raw" / "train" / f"{name}.png"))
        np.testing.assert_array_equal(image.transpose(1, 2, 0), pixels)


def test_folder_without_splits_is_cut_by_a_hash(tmp_path: Path) -> None:
    image_folder(tmp_path / "raw", {"a": 40, "b": 40})
    manifest = import_dataset(tmp_path / "raw", tmp_path / "out", test_fraction=0.5)
    assert 20 < manifest.splits["test"].num_samples < 60


def test_other_files_are_ignored(tmp_path: Path) -> None:
    image_folder(tmp_path / "raw", {"a": 20, "b": 20})
    (tmp_path / "raw" / "readme.txt").write_text("about")
    (tmp_path / "raw" / "a" / "Thumbs.db").write_bytes(b"x")
    (tmp_path / "raw" / "a" / "._0.png").write_bytes(b"x")
    (tmp_path / "raw" / ".cache").mkdir()
    manifest = import_dataset(tmp_path / "raw", tmp_path / "out")
    assert sum(split.num_samples for split in manifest.splits.values()) == 40


@pytest.mark.parametrize(("mode", "channels"), [("L", 1), ("1", 1), ("RGB", 3), ("P", 3)])
def test_colours_follow_the_images(tmp_path: Path, mode: str, channels: int) -> None:
    image_folder(tmp_path / "raw", {"a": 1, "b": 1}, mode=mode if mode != "P" else "RGB")
    if mode == "P":
        for file in (tmp_path / "raw").glob("*/*.png"):
            Image.open(file).quantize(8).save(file)
    manifest = import_dataset(tmp_path / "raw", tmp_path / "out", test_fraction=0)
    assert manifest.x.shape == (channels, 8, 10)


def test_colours_can_be_chosen(tmp_path: Path) -> None:
    image_folder(tmp_path / "raw", {"a": 1, "b": 1})
    options = {"colours": "grey", "size": (4, 5)}
    manifest = import_dataset(tmp_path / "raw", tmp_path / "o", test_fraction=0, options=options)
    assert manifest.x.shape == (1, 4, 5)


def test_resize_cuts_out_the_middle(tmp_path: Path) -> None:
    raw = image_folder(tmp_path / "raw", {"a": 1, "b": 1})
    wide = Image.new("RGB", (30, 10), "red")
    wide.paste("blue", (10, 0, 20, 10))
    wide.save(raw / "a" / "0.png")
    import_dataset(raw, tmp_path / "out", test_fraction=0, options={"size": (10, 10)})
    x, _ = read_split(tmp_path / "out", "train")
    assert x[0, :, 5, 5].tolist() == [0, 0, 255]
    assert x[0, 0, :, 2:8].max() == 0  # nothing red


def test_transparent_parts_become_white(tmp_path: Path) -> None:
    raw = image_folder(tmp_path / "raw", {"a": 1, "b": 1})
    Image.new("RGBA", (10, 8), (0, 0, 0, 0)).save(raw / "a" / "0.png")
    import_dataset(raw, tmp_path / "out", test_fraction=0)
    assert read_split(tmp_path / "out", "train")[0][0].min() == 255


def test_photos_stand_upright(tmp_path: Path) -> None:
    raw = image_folder(tmp_path / "raw", {"a": 1, "b": 1}, height=10, width=8)
    lying = Image.new("RGB", (10, 8), "black")
    lying.paste("white", (0, 0, 10, 4))
    exif = Image.Exif()
    exif[0x0112] = 6
    lying.save(raw / "a" / "0.png", exif=exif)
    import_dataset(raw, tmp_path / "out", test_fraction=0)
    image = read_split(tmp_path / "out", "train")[0][0]
    assert image.shape == (3, 10, 8)
    assert image[0, 5].tolist() == [0] * 4 + [255] * 4


def test_import_lists_the_sizes_when_they_differ(tmp_path: Path) -> None:
    raw = image_folder(tmp_path / "raw", {"a": 3, "b": 1})
    (raw / "b" / "odd.png").write_bytes(picture(9, height=20))
    with pytest.raises(DataError, match=r"8x10: 4 images(.|\n)*20x10: 1 .*odd.png(.|\n)*--size"):
        import_dataset(raw, tmp_path / "out")


@pytest.mark.parametrize("content", [b"", b"not an image", picture(1)[:150]])
def test_import_names_the_image_that_cannot_be_read(tmp_path: Path, content: bytes) -> None:
    raw = image_folder(tmp_path / "raw", {"a": 3, "b": 1})
    (raw / "b" / "bad.png").write_bytes(content)
    with pytest.raises(DataError, match=r"bad\.png: cannot be read as an image"):
        import_dataset(raw, tmp_path / "out")
    assert [path.name for path in tmp_path.iterdir()] == ["raw"]


def test_import_refuses_16_bit_images(tmp_path: Path) -> None:
    raw = image_folder(tmp_path / "raw", {"a": 1, "b": 1})
    Image.fromarray(np.zeros((8, 10), np.uint16)).save(raw / "a" / "0.png")
    with pytest.raises(DataError, match=r"a/0\.png: more than 8 bits"):
        import_dataset(raw, tmp_path / "out")


def test_import_refuses_a_class_without_images(tmp_path: Path) -> None:
    raw = image_folder(tmp_path / "raw", {"a": 1, "b": 1, "c": 0})
    with pytest.raises(DataError, match="raw/c: no images of this class"):
        import_dataset(raw, tmp_path / "out")


def test_import_refuses_a_test_class_that_is_not_trained(tmp_path: Path) -> None:
    image_folder(tmp_path / "raw" / "train", {"a": 1, "b": 1})
    image_folder(tmp_path / "raw" / "test", {"a": 1, "bb": 1})
    with pytest.raises(DataError, match="train/bb: no images of this class"):
        import_dataset(tmp_path / "raw", tmp_path / "out")


def test_import_refuses_one_folder_around_the_classes(tmp_path: Path) -> None:
    image_folder(tmp_path / "raw" / "all", {"a": 1, "b": 1})
    with pytest.raises(DataError, match="found 1 class folders, expected at least two"):
        import_dataset(tmp_path / "raw", tmp_path / "out")
