"""Images with boxes in the form of Pascal VOC: exact boxes, splits, and where a fault is."""

import tarfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from distnet.data.column import RaggedArray
from distnet.data.fields.boxes import BoxesField
from distnet.data.importing import import_dataset
from distnet.data.manifest import Manifest, read_manifest
from distnet.data.shards import ShardReader
from distnet.data.verify import verify_dataset
from distnet.errors import DataError
from tests.data.raw_files import picture
from tests.data.sources.test_image_folder import found
from tests.needs import real_data

Named = tuple[str, float, float, float, float]
CAT: Named = ("cat", 1, 1, 4, 3)
DOG: Named = ("dog", 2, 2, 10, 8)


def add(raw: Path, name: str, *objects: Named, height: int = 8, width: int = 10) -> None:
    """Write an image of random pixels, and the annotation of its objects."""
    for folder in ("JPEGImages", "Annotations"):
        (raw / folder).mkdir(parents=True, exist_ok=True)
    content = picture(sum(map(ord, name)), height=height, width=width)
    (raw / "JPEGImages" / f"{name}.png").write_bytes(content)
    keys = ("name", "xmin", "ymin", "xmax", "ymax")
    texts = [
        {key: f"<{key}>{value}</{key}>" for key, value in zip(keys, one, strict=True)}
        for one in objects
    ]
    marked = "".join(
        f"<object>{text['name']}<part><bndbox/></part><bndbox>{text['xmin']}{text['ymin']}"
        f"{text['xmax']}{text['ymax']}</bndbox></object>"
        for text in texts
    )
    size = f"<size><width>{width}</width><height>{height}</height><depth>3</depth></size>"
    text = f"<annotation><filename>other.jpg</filename>{size}{marked}</annotation>"
    (raw / "Annotations" / f"{name}.xml").write_text(text)


def mark_difficult(raw: Path, name: str, number: int) -> None:
    """Mark the n-th object of an annotation, from 0."""
    file = raw / "Annotations" / f"{name}.xml"
    parts = file.read_text().split("<object>")
    parts[1 + number] = "<difficult>1</difficult>" + parts[1 + number]
    file.write_text("<object>".join(parts))


def lists(raw: Path, **splits: str) -> None:
    folder = raw / "ImageSets" / "Main"
    folder.mkdir(parents=True)
    for split, names in splits.items():
        (folder / f"{split}.txt").write_text("".join(f"{name}\n" for name in names.split()))


def boxes_of(dataset: Path, split: str = "train") -> list[list[list[float]]]:
    column = ShardReader(dataset, read_manifest(dataset), split).read_all()["boxes"]
    assert isinstance(column, RaggedArray)
    return [column[index].tolist() for index in range(len(column))]


def test_boxes_count_pixels_from_0_with_right_and_bottom_exclusive(tmp_path: Path) -> None:
    raw = tmp_path / "raw"
    add(raw, "a", CAT, DOG)
    add(raw, "b")
    manifest = import_dataset(raw, tmp_path / "out", test_fraction=0)

    assert manifest.fields["boxes"].classes == ("cat", "dog")
    assert manifest.x.shape == (3, 8, 10)
    assert manifest.fields["boxes"].num_values == {"train": 2}
    assert boxes_of(tmp_path / "out") == [[[0, 0, 4, 3, 0], [1, 1, 10, 8, 1]], []]


def test_edges_that_count_from_0_are_recognised(tmp_path: Path) -> None:
    add(tmp_path / "raw", "a", ("cat", 0, 0, 4, 3), ("cat", 2.5, 2, 10, 8))
    manifest = import_dataset(tmp_path / "raw", tmp_path / "out", test_fraction=0)

    assert boxes_of(tmp_path / "out") == [[[0, 0, 4, 3, 0], [2.5, 2, 10, 8, 0]]]
    assert (1, "the first pixel", "0") in found(manifest, "guessed")


def test_size_scales_images_and_boxes_alike_and_crops_nothing(tmp_path: Path) -> None:
    add(tmp_path / "raw", "a", DOG)
    add(tmp_path / "raw", "b", ("dog", 1, 1, 20, 5), height=10, width=20)
    out = tmp_path / "out"
    manifest = import_dataset(tmp_path / "raw", out, test_fraction=0, options={"size": (16, 40)})

    assert manifest.x.shape == (3, 16, 40)
    assert boxes_of(out) == [[[4, 2, 40, 16, 0]], [[0, 0, 40, 8, 0]]]


def test_images_of_unlike_size_stay_encoded(tmp_path: Path) -> None:
    raw, out = tmp_path / "raw", tmp_path / "out"
    add(raw, "a", CAT)
    add(raw, "b", CAT, height=30, width=20)
    manifest = import_dataset(raw, out, test_fraction=0)

    x = ShardReader(out, manifest, "train").read_all()["x"]
    assert isinstance(x, RaggedArray)
    assert manifest.x.shape == (3,)
    assert bytes(x[1]) == (raw / "JPEGImages" / "b.png").read_bytes()
    assert boxes_of(out) == [[[0, 0, 4, 3, 0]]] * 2


def test_difficult_objects_are_marked(tmp_path: Path) -> None:
    raw, out = tmp_path / "raw", tmp_path / "out"
    add(raw, "a", CAT, DOG)
    add(raw, "b", CAT)
    mark_difficult(raw, "a", 1)
    manifest = import_dataset(raw, out, test_fraction=0)

    field = manifest.fields["boxes"]
    assert isinstance(field, BoxesField)
    assert field.has_difficult
    assert boxes_of(out) == [[[0, 0, 4, 3, 0, 0], [1, 1, 10, 8, 1, 1]], [[0, 0, 4, 3, 0, 0]]]
    assert (1, "objects", "neither trained on nor counted") in found(manifest, "guessed")
    assert verify_dataset(out) == []


def test_lists_give_the_splits_and_their_order(tmp_path: Path) -> None:
    raw, out = tmp_path / "raw", tmp_path / "out"
    for index, name in enumerate("abcde"):
        add(raw, name, ("cat", 1, 1, 2 + index, 3))
    lists(raw, train="c a", val="b", trainval="a b c", test="d", cat_train="a")
    manifest = import_dataset(raw, out)

    assert {k: v.num_samples for k, v in manifest.splits.items()} == {
        "train": 2,
        "val": 1,
        "test": 1,
    }
    assert [box[0][2] for box in boxes_of(out)] == [4, 2]
    left_out = [(count, what) for count, what, _ in found(manifest, "left_out")]
    assert left_out == [(2, "lists of images"), (1, "images")]


def faulty(raw: Path) -> dict[str, str]:
    """Make images with one fault each, beside a good one; returns what the messages must hold."""
    add(raw, "good", CAT)
    add(raw, "empty", CAT, ("dog", 5, 2, 5, 4))
    add(raw, "outside", ("cat", 1, 1, 11, 3))
    add(raw, "unknown", ("cow", 1, 1, 4, 3))
    add(raw, "nameless", ("", 1, 1, 4, 3))
    add(raw, "alone", CAT)
    (raw / "JPEGImages" / "alone.png").unlink()
    add(raw, "bare", CAT)
    (raw / "Annotations" / "bare.xml").unlink()
    add(raw, "broken", CAT)
    (raw / "JPEGImages" / "broken.png").write_bytes(picture(1)[:60])
    add(raw, "torn", CAT)
    (raw / "Annotations" / "torn.xml").write_text("<annotation><object>")
    add(raw, "turned", CAT, height=10, width=8)
    (raw / "JPEGImages" / "turned.png").write_bytes(picture(2))
    return {
        "empty": "Annotations/empty.xml: object 2 (dog): an empty box; found xmin 5, ymin 2",
        "outside": "outside.xml: object 1 (cat): a box outside of the image; found xmin 1",
        "unknown": "unknown.xml: object 1 (cow): class 'cow' is none of --classes",
        "nameless": "nameless.xml: object 1 (unnamed): an object without a name",
        "alone": "alone.xml: an annotation without an image; add JPEGImages/alone.jpg",
        "bare": "bare.png: an image without an annotation; add Annotations/bare.xml",
        "torn": "torn.xml: not valid XML",
        "turned": "turned.xml: of an image of another size; found 8 x 10 pixels, but",
    }


OPTIONS = {"classes": ("cat", "dog")}


def test_faults_are_named_with_file_and_object_all_at_once(tmp_path: Path) -> None:
    expected = faulty(tmp_path / "raw")

    with pytest.raises(DataError) as error:
        import_dataset(tmp_path / "raw", tmp_path / "out", options=OPTIONS)

    for text in expected.values():
        assert text in str(error.value)
    assert "or leave them out: --skip-unreadable" in str(error.value)
    assert "could also be read" not in str(error.value)  # as a folder of images without boxes
    assert not (tmp_path / "out").exists()


def test_skip_leaves_out_faulty_objects_and_images_and_counts_them(tmp_path: Path) -> None:
    faulty(tmp_path / "raw")
    options = OPTIONS | {"skip_unreadable": True}
    manifest = import_dataset(tmp_path / "raw", tmp_path / "out", test_fraction=0, options=options)

    # In the order of the names: empty, good, nameless, outside, unknown.
    cat = [0, 0, 4, 3, 0]
    assert boxes_of(tmp_path / "out") == [[cat], [cat], [], [], []]
    left_out = [(count, what) for count, what, _ in found(manifest, "left_out")]
    assert sorted(left_out) == [(1, "images")] * 5 + [(1, "objects")] * 4


@pytest.mark.parametrize(
    ("splits", "message"),
    [
        ({"train": "a gone"}, r"train\.txt:2: found the name 'gone'"),
        (
            {"train": "a.png"},
            r"train\.txt:1: found the name 'a\.png'.* write 'a', without",
        ),
        ({"train": "", "test": "a"}, r"train\.txt: an empty list; add names of images, or"),
        ({"test": "a"}, r"found test, expected a list train\.txt"),
    ],
)
def test_wrong_lists_are_refused(splits: dict[str, str], message: str, tmp_path: Path) -> None:
    add(tmp_path / "raw", "a", CAT)
    lists(tmp_path / "raw", **splits)

    with pytest.raises(DataError, match=message):
        import_dataset(tmp_path / "raw", tmp_path / "out")


def not_utf8(raw: Path) -> None:
    lists(raw, train="a")
    (raw / "ImageSets" / "Main" / "train.txt").write_bytes(b"a\n\xff\xfe\n")


def two_images(raw: Path) -> None:
    (raw / "JPEGImages" / "a.jpg").write_bytes(picture(1))


def no_objects(raw: Path) -> None:
    add(raw, "a")


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (not_utf8, r"train\.txt: not UTF-8 at byte 2; save the list as UTF-8"),
        (two_images, r"JPEGImages/a\.jpg and a\.png: two files of one name, expected one"),
        (no_objects, r"Annotations: no file has an object; expected some with a box"),
    ],
)
def test_faults_of_the_whole_folder_are_refused(
    damage: Callable[[Path], None], message: str, tmp_path: Path
) -> None:
    add(tmp_path / "raw", "a", CAT)
    damage(tmp_path / "raw")

    with pytest.raises(DataError, match=message):
        import_dataset(tmp_path / "raw", tmp_path / "out", test_fraction=0)


def test_suffixes_may_be_in_capitals(tmp_path: Path) -> None:
    add(tmp_path / "raw", "a", CAT)
    folder = tmp_path / "raw" / "Annotations"
    (folder / "a.xml").rename(folder / "a.XML")
    import_dataset(tmp_path / "raw", tmp_path / "out", kind="pascal-voc", test_fraction=0)

    assert boxes_of(tmp_path / "out") == [[[0, 0, 4, 3, 0]]]


@pytest.mark.check
def test_two_boxes_of_the_blood_cells_are_empty(tmp_path: Path) -> None:
    with tarfile.open(real_data("bccd.tar")) as archive:
        archive.extractall(tmp_path, filter="data")
    (raw,) = (path.parent for path in tmp_path.rglob("JPEGImages"))
    with pytest.raises(DataError, match=r"00338.xml: object 13 \(RBC\): an empty box") as error:
        import_dataset(raw, tmp_path / "out")
    assert str(error.value).count("\n") == 2

    options = {"skip_unreadable": True, "size": (48, 64)}
    manifest: Manifest = import_dataset(raw, tmp_path / "out", options=options)

    counts = {name: split.num_samples for name, split in manifest.splits.items()}
    assert counts == {"train": 205, "val": 87, "test": 72}
    assert sum(manifest.fields["boxes"].num_values.values()) == 4888 - 2
    assert manifest.fields["boxes"].classes == ("Platelets", "RBC", "WBC")
    values = np.array(
        [box for split in counts for of in boxes_of(tmp_path / "out", split) for box in of]
    )
    assert values[:, :4].min() >= 0
    assert (values[:, 2:4].max(0) <= (64, 48)).all()
