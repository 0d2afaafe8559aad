"""Images with masks: pairs by name, values of masks as classes, and what is wrong with files."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from distnet.data.fields.mask import MaskField
from distnet.data.importing import import_dataset
from distnet.data.manifest import Manifest, read_manifest
from distnet.data.shards import ShardReader
from distnet.data.sources.source import detect_kinds
from distnet.data.verify import verify_dataset
from distnet.errors import DataError
from tests.data.raw_files import picture

MASK = np.array([[0, 0, 1], [2, 2, 1]], np.uint8)


def write_pair(
    folder: Path,
    name: str,
    mask: NDArray[np.uint8] = MASK,
    *,
    folders: tuple[str, str] = ("images", "masks"),
    mode: str = "L",
    seed: int = 0,
) -> None:
    height, width = mask.shape
    image_file, mask_file = (folder / part / f"{name}.png" for part in folders)
    for file in (image_file, mask_file):
        file.parent.mkdir(parents=True, exist_ok=True)
    image_file.write_bytes(picture(seed, height=height, width=width, mode="L"))
    image = Image.fromarray(mask)
    if mode == "P":
        image.putpalette([255, 0, 0, 0, 255, 0, 0, 0, 255])
    else:
        image = image.convert(mode)
    image.save(mask_file)


def imported(folder: Path, **options: Any) -> Manifest:
    return import_dataset(folder / "raw", folder / "out", test_fraction=0, options=options)


def masks_in(folder: Path, split: str = "train") -> NDArray[np.uint8]:
    manifest = read_manifest(folder / "out")
    return np.asarray(ShardReader(folder / "out", manifest, split).read_all()["mask"])


@pytest.mark.parametrize("mode", ["L", "P", "RGB"])
def test_pairs_are_read_with_their_values_as_classes(mode: str, tmp_path: Path) -> None:
    for number in (10, 9):
        write_pair(tmp_path / "raw", str(number), MASK[:, ::-1] if number == 9 else MASK, mode=mode)

    manifest = imported(tmp_path, classes=("ground", "cat", "dog"))

    assert detect_kinds(tmp_path / "raw")[0] == "masks"
    assert manifest.x.shape == (1, 2, 3)
    assert manifest.fields["mask"].classes == ("ground", "cat", "dog")
    assert manifest.fields["mask"].class_counts == {"train": (4, 4, 4)}
    assert np.array_equal(masks_in(tmp_path), [MASK[:, ::-1], MASK])


@pytest.mark.parametrize(
    ("values", "classes", "names"),
    [((0, 255), ("out", "in"), ("out", "in")), ((0, 255), (), ("0", "255"))],
)
def test_values_with_gaps_are_numbered(
    values: tuple[int, ...], classes: tuple[str, ...], names: tuple[str, ...], tmp_path: Path
) -> None:
    write_pair(tmp_path / "raw", "a", np.array([values], np.uint8))

    assert imported(tmp_path, classes=classes).fields["mask"].classes == names
    assert np.array_equal(masks_in(tmp_path), [[[0, 1]]])


@pytest.mark.parametrize(
    "folders", [("{}/image", "{}/label"), ("image/{}", "label/{}"), ("{}/photo", "{}/drawn")]
)
def test_folders_of_splits_may_be_outside_and_inside(
    folders: tuple[str, str], tmp_path: Path
) -> None:
    for seed, split in enumerate(("training", "test")):
        inside = (folders[0].format(split), folders[1].format(split))
        write_pair(tmp_path / "raw", "1", folders=inside, seed=seed)
    given = {"images": "photo", "masks": "drawn"} if "photo" in folders[0] else {}
    manifest = import_dataset(tmp_path / "raw", tmp_path / "out", kind="masks", options=given)

    assert {n: s.num_samples for n, s in manifest.splits.items()} == {"train": 1, "test": 1}


def test_images_and_masks_are_scaled_together(tmp_path: Path) -> None:
    write_pair(tmp_path / "raw", "a", np.repeat(np.repeat(MASK, 6, 0), 4, 1))

    manifest = imported(tmp_path, size=(4, 4))

    assert manifest.x.shape == (1, 4, 4)
    assert np.array_equal(masks_in(tmp_path)[0], np.array([[0, 0, 0, 1]] * 2 + [[2, 2, 2, 1]] * 2))


def without_partner(folder: Path) -> None:
    (folder / "masks" / "b.png").unlink()


def corrupt(folder: Path) -> None:
    content = (folder / "masks" / "b.png").read_bytes()
    (folder / "masks" / "b.png").write_bytes(content[: len(content) // 2])


def of_other_size(folder: Path) -> None:
    (folder / "images" / "b.png").write_bytes(picture(1, height=9, width=3, mode="L"))


def of_no_class(folder: Path) -> None:
    write_pair(folder, "b", np.array([[0, 7]], np.uint8))  # of another size, too


def in_colours(folder: Path) -> None:
    (folder / "masks" / "b.png").write_bytes(picture(1, height=2, width=3, mode="RGB"))


def as_jpeg(folder: Path) -> None:
    (folder / "masks" / "b.png").write_bytes(picture(1, height=2, width=3, mode="L", kind="JPEG"))


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (without_partner, r"images/b\.png: has no mask of the same name in masks/; add or remove"),
        (corrupt, r"masks/b\.png: cannot be read as an image"),
        (of_other_size, r"masks/b\.png: the mask is 2x3, but its image .*b\.png is 9x3 \(height x"),
        (of_no_class, r"masks/b\.png: found the value 7, expected 0 to 2, the classes x, y, z"),
        (in_colours, r"masks/b\.png: found a mask in colours, expected palette PNG or grey"),
        (as_jpeg, r"masks/b\.png: found a mask as JPEG, which changes values; save masks as PNG"),
    ],
)
def test_faults_name_the_file_and_may_be_skipped(damage: Any, message: str, tmp_path: Path) -> None:
    for name in "abc":
        write_pair(tmp_path / "raw", name)
    damage(tmp_path / "raw")

    with pytest.raises(DataError, match=message):
        imported(tmp_path, classes=("x", "y", "z"))
    manifest = imported(tmp_path, classes=("x", "y", "z"), skip_unreadable=True)

    assert manifest.splits["train"].num_samples == 2
    assert manifest.import_summary is not None
    (left_out,) = manifest.import_summary.left_out
    assert (left_out.count, left_out.example) == (1, "images/b.png")


VOC = np.array([[0, 15, 255], [15, 255, 0]], np.uint8)


@pytest.mark.parametrize(
    ("mask", "options", "classes", "expected"),
    [
        (VOC, {"ignore_index": (255,)}, ("0", "15"), [[0, 1, 255], [1, 255, 0]]),
        (VOC, {"ignore_index": (255, 0)}, ("15",), [[255, 0, 255], [0, 255, 255]]),
        (
            MASK,
            {"ignore_index": (0,), "classes": ("a", "b")},
            ("a", "b"),
            [[255, 255, 0], [1, 1, 0]],
        ),
        (
            MASK,
            {"ignore_index": (2,), "classes": ("a", "b")},
            ("a", "b"),
            [[0, 0, 1], [255, 255, 1]],
        ),
        (MASK[:1], {"ignore_index": (0,), "classes": ("a", "b")}, ("a", "b"), [[255, 255, 0]]),
    ],
)
def test_ignored_values_have_no_class(
    mask: Any, options: dict[str, Any], classes: Any, expected: Any, tmp_path: Path
) -> None:
    write_pair(tmp_path / "raw", "a", mask)

    field = imported(tmp_path, **options).fields["mask"]

    assert isinstance(field, MaskField)
    assert (field.classes, field.ignore_index) == (classes, 255)
    assert masks_in(tmp_path)[0].tolist() == expected
    counts = [int((np.array(expected) == index).sum()) for index in range(len(classes))]
    assert field.class_counts == {"train": tuple(counts)}
    assert verify_dataset(tmp_path / "out") == []


def test_a_value_that_may_be_void_is_reported(tmp_path: Path) -> None:
    write_pair(tmp_path / "raw", "a", VOC)
    summary = imported(tmp_path).import_summary
    assert summary is not None
    found = {(one.what, one.option) for one in summary.guessed}
    assert ("the value 255", "--ignore-index 255") in found

    with pytest.raises(DataError, match=r"found the value 255, .* set --ignore-index 255"):
        import_dataset(tmp_path / "raw", tmp_path / "b", options={"classes": ("a", "b")})
    with pytest.raises(DataError, match="--ignore-index: found 256, expected values from 0 to"):
        import_dataset(tmp_path / "raw", tmp_path / "b", options={"ignore_index": (256,)})
    with pytest.raises(DataError, match="no pixel has a class"):
        import_dataset(tmp_path / "raw", tmp_path / "b", options={"ignore_index": (0, 15, 255)})


def test_folder_without_masks_is_refused(tmp_path: Path) -> None:
    write_pair(tmp_path / "raw", "a", folders=("images", "other"))
    with pytest.raises(DataError, match=r"found no folder of images beside one of masks"):
        import_dataset(tmp_path / "raw", tmp_path / "out", kind="masks")


def test_images_may_be_pgm(tmp_path: Path) -> None:
    write_pair(tmp_path / "raw", "a")
    pixels = np.array([[3, 4, 5], [6, 7, 255]], np.uint8)
    (tmp_path / "raw" / "images" / "a.png").unlink()
    (tmp_path / "raw" / "images" / "a.pgm").write_bytes(b"P5\n3 2\n255\n" + pixels.tobytes())

    imported(tmp_path)

    manifest = read_manifest(tmp_path / "out")
    found = ShardReader(tmp_path / "out", manifest, "train").read_all()["x"]
    assert np.array_equal(np.asarray(found)[0, 0], pixels)
