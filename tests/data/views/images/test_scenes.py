"""The view of scenes: digits of the split, with boxes and masks that fit their pixels."""

from pathlib import Path

import numpy as np
import pytest

from distnet.data.column import Columns, RaggedArray
from distnet.data.importing import import_dataset
from distnet.data.manifest import Manifest, read_manifest
from distnet.data.shards import ShardReader
from distnet.data.shipped import find_dataset
from distnet.data.views.images.scenes import INK, Scenes

MNIST = find_dataset("mnist", folder=Path())
IDS = np.arange(120)


@pytest.fixture(scope="module")
def manifest() -> Manifest:
    return read_manifest(MNIST)


@pytest.fixture(scope="module")
def digits(manifest: Manifest) -> Columns:
    return ShardReader(MNIST, manifest, "test", ["x", "y"]).read_group(0)


def boxes_of(scenes: Columns) -> RaggedArray:
    boxes = scenes["boxes"]
    assert isinstance(boxes, RaggedArray)
    return boxes


def same(one: Columns, other: Columns) -> bool:
    boxes = np.array_equal(boxes_of(one).values, boxes_of(other).values)
    return boxes and all(np.array_equal(one[name], other[name]) for name in ("x", "mask"))


def test_scene_depends_on_its_index_the_split_and_the_seed_alone(
    manifest: Manifest, digits: Columns
) -> None:
    view = Scenes(manifest)
    together = view.take(digits, IDS, "test")
    for index in (0, 7, 119):
        alone = view.take(digits, np.array([index]), "test")
        assert same(alone, {n: c[index : index + 1] for n, c in together.items() if n != "boxes"}
                    | {"boxes": boxes_of(together).slice(index, index + 1)})  # fmt: skip
    assert not same(together, view.take(digits, IDS, "train"))
    assert not same(together, Scenes(manifest, seed=1).take(digits, IDS, "test"))


def test_boxes_and_masks_fit_the_pixels(manifest: Manifest, digits: Columns) -> None:
    view = Scenes(manifest, overlap=0.3)
    scenes = view.take(digits, IDS, "test")
    x, mask, boxes = scenes["x"], scenes["mask"], boxes_of(scenes)
    assert isinstance(x, np.ndarray)
    assert isinstance(mask, np.ndarray)
    assert np.array_equal(x[:, 0] >= INK, mask > 0)
    assert set(boxes.lengths) == {1, 2, 3, 4}
    for scene, pixels in enumerate(mask):
        expected = np.zeros_like(pixels, bool)
        for left, top, right, bottom, label in boxes[scene].astype(int):
            expected[top:bottom, left:right] |= pixels[top:bottom, left:right] == label + 1
        assert np.array_equal(expected, pixels > 0)
    for name, column in scenes.items():
        assert view.fields[name].fault(column) is None


def test_single_object_of_its_own_size_is_a_digit_of_the_split(
    manifest: Manifest, digits: Columns
) -> None:
    scenes = Scenes(manifest, objects=1, scale=(1, 1)).take(digits, IDS[:20], "test")
    images, labels = np.asarray(digits["x"])[:, 0], np.asarray(digits["y"])
    for scene, (left, top, right, bottom, label) in enumerate(boxes_of(scenes).values.astype(int)):
        found = np.asarray(scenes["x"])[scene, 0, top:bottom, left:right]
        of_class = images[labels == label]
        windows = np.lib.stride_tricks.sliding_window_view(of_class, found.shape, axis=(1, 2))
        assert (windows == found).all((3, 4)).any()
        beside = np.asarray(scenes["mask"])[scene].astype(bool)
        beside[top:bottom, left:right] = False
        assert not beside.any()


def test_boxes_stay_apart_without_overlap(manifest: Manifest, digits: Columns) -> None:
    scenes = Scenes(manifest, objects=6, overlap=0.0).take(digits, IDS, "test")
    for boxes in map(boxes_of(scenes).__getitem__, IDS):
        covered = np.zeros((64, 64), int)
        for left, top, right, bottom, _ in boxes.astype(int):
            covered[top:bottom, left:right] += 1
        assert covered.max() == 1


def test_statistics_are_those_of_the_scenes(manifest: Manifest, digits: Columns) -> None:
    view = Scenes(manifest, size=100, objects=3)
    pixels = np.asarray(view.take(digits, np.arange(600), "test")["x"]) / 255
    assert view.fields["x"].mean[0] == pytest.approx(pixels.mean(), rel=0.06)
    assert view.fields["x"].std[0] == pytest.approx(pixels.std(), rel=0.1)


def test_number_of_scenes_is_set_for_each_split(manifest: Manifest) -> None:
    view = Scenes(manifest, samples={"train": 50})
    assert [view.num_samples(split) for split in ("train", "test", "val")] == [50, 2000, 2000]


def test_what_does_not_fit_is_refused(manifest: Manifest, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"\[28, 28\] scaled by 3 do not fit into scenes of size"):
        Scenes(manifest, scale=(1, 3))
    with pytest.raises(ValueError, match=r"scale \[2, 1\], expected the smallest factor first"):
        Scenes(manifest, scale=(2, 1))
    np.savez(tmp_path / "raw.npz", x=np.ones((3, 2)), y=np.zeros(3))
    table = import_dataset(tmp_path / "raw.npz", tmp_path / "out", test_fraction=0)
    with pytest.raises(ValueError, match=r"scenes needs a dataset of grey images x.*x \(vector"):
        Scenes(table)
