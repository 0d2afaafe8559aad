"""The view of crops: random parts to train on, tiles that cover each image once elsewhere."""

import numpy as np
import pytest

from distnet.data.column import Columns
from distnet.data.fields.class_ import ClassField
from distnet.data.fields.image import ImageField
from distnet.data.fields.mask import MaskField
from distnet.data.manifest import Manifest, Shard, Split
from distnet.data.opening import viewed, whole_fields
from distnet.data.views.images.crops import Crops

NUM, HEIGHT, WIDTH = 3, 8, 12


@pytest.fixture
def manifest() -> Manifest:
    image = ImageField(shape=(2, HEIGHT, WIDTH), mean=(0.5, 0.4), std=(0.1, 0.2))
    mask = MaskField(shape=(HEIGHT, WIDTH), classes=("a", "b"))
    shard = Shard(file="a.parquet", num_samples=NUM, num_bytes=1, sha256="0" * 64, groups=(NUM,))
    splits = {name: Split(num_samples=NUM, shards=(shard,)) for name in ("train", "test")}
    fields = {"x": image, "mask": mask, "y": ClassField(classes=("c", "d"))}
    return Manifest(name="toy", source="made in the test", fields=fields, splits=splits)


@pytest.fixture
def images() -> Columns:
    """Pixels that say where they are: the mask is the number of a pixel of the data."""
    mask = np.arange(NUM * HEIGHT * WIDTH).reshape(NUM, HEIGHT, WIDTH)
    return {"x": np.stack([mask, mask + 1], axis=1), "mask": mask}


def test_tiles_have_each_pixel_once(manifest: Manifest, images: Columns) -> None:
    view = Crops(manifest, size=4)
    count = view.num_samples("test")
    tiles = view.take(images, np.arange(count), "test")

    assert count == NUM * 2 * 3
    assert sorted(np.ravel(tiles["mask"])) == list(range(NUM * HEIGHT * WIDTH))
    assert np.array_equal(np.asarray(tiles["x"])[:, 0], tiles["mask"])
    assert np.array_equal(np.asarray(tiles["x"])[:, 1], np.asarray(tiles["mask"]) + 1)


def test_crops_are_parts_at_random_positions(manifest: Manifest, images: Columns) -> None:
    view = Crops(manifest, size=4, samples=500)
    crops = np.asarray(view.take(images, np.arange(500), "train")["mask"])

    corners = crops[:, 0, 0]
    inside = corners % (HEIGHT * WIDTH)
    steps = np.arange(4)[:, None] * WIDTH + np.arange(4)
    assert np.array_equal(crops, corners[:, None, None] + steps)
    assert set(corners // (HEIGHT * WIDTH)) == {0, 1, 2}
    assert set(inside // WIDTH) == set(range(5))
    assert set(inside % WIDTH) == set(range(9))


def test_a_crop_depends_on_its_index_and_the_seed_alone(
    manifest: Manifest, images: Columns
) -> None:
    view = Crops(manifest, size=4)
    together = np.asarray(view.take(images, np.arange(18), "train")["mask"])
    alone = np.asarray(view.take(images, np.array([7]), "train")["mask"])
    other = np.asarray(Crops(manifest, size=4, seed=1).take(images, np.arange(18), "train")["mask"])

    assert view.num_samples("train") == 18
    assert np.array_equal(alone[0], together[7])
    assert not np.array_equal(other, together)


def test_the_task_sees_parts_and_a_prediction_whole_images(manifest: Manifest) -> None:
    view = Crops(manifest, size=4)
    seen, whole = viewed(manifest, view).fields, whole_fields(manifest, view)

    assert {name: field.shape for name, field in seen.items()} == {"x": (2, 4, 4), "mask": (4, 4)}
    assert {n: f.shape for n, f in whole.items()} == {"x": (2, 8, 12), "mask": (8, 12)}
    assert seen["x"].mean == (0.5, 0.4)


@pytest.mark.parametrize(("size", "margin"), [(4, 1), (5, 0), (5, 1), (8, 3), (7, 2)])
def test_tiles_that_overlap_count_each_pixel_once_far_from_their_edges(
    size: int, margin: int, manifest: Manifest
) -> None:
    view = Crops(manifest, size=size, margin=margin)
    number = np.arange(HEIGHT * WIDTH, dtype=np.uint8).reshape(1, HEIGHT, WIDTH)
    images: Columns = {"x": number[:, None].repeat(2, 1), "mask": number}
    count = view.num_samples("test") // NUM
    tiles = view.take(images, np.arange(count), "test")

    x, mask = np.asarray(tiles["x"])[:, 0], np.asarray(tiles["mask"])
    counted = mask != 255
    assert sorted(mask[counted]) == list(range(HEIGHT * WIDTH))
    assert np.array_equal(x[counted], mask[counted])
    for tile, of_tile in zip(x, counted, strict=True):
        rows, columns = np.nonzero(of_tile)
        for at, place, length in (
            (rows, tile // WIDTH, HEIGHT),
            (columns, tile % WIDTH, WIDTH),
        ):
            away = np.minimum(at, size - 1 - at)
            from_border = np.minimum(place[of_tile], length - 1 - place[of_tile])
            assert (away >= np.minimum(margin, from_border)).all()
    field = view.fields["mask"]
    assert isinstance(field, MaskField)
    assert field.ignore_index == 255


def test_parts_that_do_not_fit_are_refused(manifest: Manifest) -> None:
    with pytest.raises(ValueError, match=r"parts of 9 x 9 do not fit into 8 x 12 pixels"):
        Crops(manifest, size=9)
    with pytest.raises(ValueError, match=r"margins of 2 leave nothing of 4 pixels"):
        Crops(manifest, size=4, margin=2)
    pixels = manifest.model_copy(update={"fields": {"x": manifest.x}})
    with pytest.raises(ValueError, match=r"tiles of 5 x 5 do not cover .* there is no mask"):
        Crops(pixels, size=5)
    without = manifest.model_copy(update={"fields": {"y": manifest.y}})
    with pytest.raises(ValueError, match=r"view crops needs images of one size; found y \(class"):
        Crops(without)
