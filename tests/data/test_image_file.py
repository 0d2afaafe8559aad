"""Images of any kind as the input that networks for drawn figures and for photos expect."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageDraw

from distnet.data.fields.image import ImageField
from distnet.data.fields.vector import VectorField
from distnet.data.images.image_file import holds_figures, read_image_file
from distnet.data.manifest import read_manifest
from distnet.data.shards import ShardReader
from distnet.data.shipped import find_dataset
from distnet.errors import DataError


def image(*shape: int, mean: float = 0.1307, std: float = 0.3081) -> ImageField:
    return ImageField(shape=shape, mean=(mean,) * shape[0], std=(std,) * shape[0])


DIGITS = image(1, 28, 28)
PHOTOS = image(3, 32, 48, mean=0.48, std=0.24)


def hook(side: int = 200, *, left: int = 40, top: int = 30) -> Image.Image:
    """A seven, dark on light."""
    picture = Image.new("L", (side, side), 255)
    points = [(left, top), (left + 80, top), (left + 30, top + 110)]
    ImageDraw.Draw(picture).line(points, fill=0, width=12, joint="curve")
    return picture


def read(picture: Image.Image, folder: Path, name: str = "figure.png") -> np.ndarray:
    picture.save(folder / name)
    return read_image_file(folder / name, DIGITS)[0]


def transparent(picture: Image.Image, ink: tuple[int, int, int]) -> Image.Image:
    """The figure in a colour, with nothing behind it."""
    layer = Image.new("RGBA", picture.size, (*ink, 0))
    layer.putalpha(picture.point(lambda value: 255 - value))
    return layer


def as_16_bits(picture: Image.Image) -> Image.Image:
    return Image.fromarray(np.asarray(picture, np.uint16) * 257)


def coloured(picture: Image.Image) -> Image.Image:
    """Red on green of the same lightness: grey would not show it."""
    ink, paper = (
        Image.new("RGB", picture.size, (200, 0, 0)),
        Image.new("RGB", picture.size, (0, 102, 0)),
    )
    return Image.composite(paper, ink, picture)


VARIANTS = {
    "light on dark": lambda p: p.point(lambda value: 255 - value),
    "low contrast": lambda p: p.point(lambda value: 90 + value // 5),
    "black on nothing": lambda p: transparent(p, (0, 0, 0)),
    "white on nothing": lambda p: transparent(p, (255, 255, 255)),
    "palette": lambda p: p.convert("P"),
    "16 bits": as_16_bits,
    "one bit": lambda p: p.point(lambda value: 255 * (value > 127)).convert("1"),
    "red on green": coloured,
}


@pytest.mark.parametrize("variant", VARIANTS)
def test_one_figure_gives_one_input_whatever_its_colours(variant: str, tmp_path: Path):
    expected = read(hook(), tmp_path).astype(int)

    found = read(VARIANTS[variant](hook()), tmp_path)

    assert np.abs(found - expected).max() <= 12
    assert expected.max() == 255


@pytest.mark.parametrize("corner", [(5, 5), (110, 85), (60, 8)])
def test_one_figure_gives_one_input_at_any_position(corner: tuple[int, int], tmp_path: Path):
    left, top = corner

    assert np.array_equal(read(hook(left=left, top=top), tmp_path), read(hook(), tmp_path))


@pytest.mark.parametrize("side", [56, 100, 400, 900])
def test_one_figure_gives_nearly_one_input_at_any_size(side: int, tmp_path: Path):
    scaled = hook().resize((side, side), Image.Resampling.LANCZOS)
    expected = read(hook(), tmp_path).astype(int)

    assert np.abs(read(scaled, tmp_path) - expected).mean() < 8  # one pixel further: 6


def test_figure_fits_the_box_and_its_mass_is_in_the_middle(tmp_path: Path):
    found = read(hook(), tmp_path).astype(float)

    rows, columns = (np.flatnonzero(found.any(axis)) for axis in (1, 0))
    assert rows[-1] - rows[0] + 1 == 20
    assert 10 < columns[-1] - columns[0] + 1 < 18
    for axis in (0, 1):
        weights = found.sum(1 - axis)
        assert abs(weights @ np.arange(28) / weights.sum() - 14) <= 0.5


def test_pictures_of_the_dataset_itself_stay_as_they_are(tmp_path: Path):
    folder = find_dataset("mnist", folder=tmp_path)
    x = ShardReader(folder, read_manifest(folder), "test").read_group(0)["x"]

    differences = [
        np.abs(read(Image.fromarray(digit[0]), tmp_path) - digit[0].astype(int)).mean()
        for digit in x[:100]
    ]

    assert np.median(differences) == 0
    assert np.mean(differences) < 3


def test_hairlines_are_thickened_to_strokes(tmp_path: Path):
    picture = Image.new("L", (600, 600), 255)
    ImageDraw.Draw(picture).ellipse((100, 100, 500, 500), outline=0, width=1)

    found = read(picture, tmp_path)

    assert (found > 100).sum(1)[10:18].tolist() == pytest.approx([4] * 8, abs=2)
    assert (found > 200).sum() > 20


def test_light_background_of_the_data_is_followed(tmp_path: Path):
    hook().save(tmp_path / "seven.png")

    found = read_image_file(tmp_path / "seven.png", image(1, 28, 28, mean=0.8693))

    assert np.array_equal(255 - found, read_image_file(tmp_path / "seven.png", DIGITS))


def test_photo_is_scaled_and_its_middle_cut_out(tmp_path: Path):
    picture = Image.new("RGB", (400, 100), (255, 0, 0))
    picture.paste((0, 0, 255), (125, 0, 275, 100))
    picture.save(tmp_path / "wide.jpg", quality=95)

    found = read_image_file(tmp_path / "wide.jpg", PHOTOS)

    assert found.shape == (3, 32, 48)
    assert found.dtype == np.uint8
    assert found.mean((1, 2)).tolist() == pytest.approx([0, 0, 254], abs=6)


def test_as_is_leaves_a_figure_where_it_stands(tmp_path: Path):
    hook(left=0, top=0).save(tmp_path / "corner.png")

    found = read_image_file(tmp_path / "corner.png", DIGITS, as_is=True)[0]

    assert found[0, 5] < 60
    assert found[20:, 20:].min() == 255


@pytest.mark.parametrize(
    ("name", "data", "expected"),
    [
        ("MNIST", DIGITS, True),
        ("KMNIST", image(1, 28, 28, mean=0.1918, std=0.3483), True),
        ("inverted MNIST", image(1, 28, 28, mean=0.8693, std=0.3081), True),
        ("Fashion-MNIST", image(1, 28, 28, mean=0.2860, std=0.3530), False),
        ("faces", image(1, 112, 92, mean=0.44, std=0.19), False),
        ("photos", PHOTOS, False),
    ],
)
def test_drawn_figures_are_recognised_by_statistics(name: str, data: ImageField, expected: bool):
    assert holds_figures(data) == expected


@pytest.mark.parametrize("name", ["not an image", "cut short", "missing", "folder"])
@pytest.mark.parametrize("data", [DIGITS, PHOTOS], ids=["figures", "photos"])
def test_file_that_cannot_be_read_is_named(name: str, data: ImageField, tmp_path: Path):
    path = tmp_path / f"{name}.png"
    hook().save(tmp_path / "whole.png")
    match name:
        case "not an image":
            path.write_text("hello")
        case "cut short":
            path.write_bytes((tmp_path / "whole.png").read_bytes()[:200])
        case "folder":
            path.mkdir()

    with pytest.raises(DataError, match=f"{name}.png: "):
        read_image_file(path, data)


@pytest.mark.parametrize(
    "blank",
    [
        Image.new("L", (50, 50), 255),
        Image.new("RGB", (1, 1)),
        Image.new("RGBA", (50, 50), (0, 0, 0, 0)),
        Image.fromarray((np.random.default_rng(0).normal(200, 2, (64, 64))).astype(np.uint8)),
    ],
    ids=["white", "one pixel", "transparent", "noise"],
)
def test_blank_picture_is_refused(blank: Image.Image, tmp_path: Path):
    with pytest.raises(DataError, match=r"figure.png: the image is blank"):
        read(blank, tmp_path)


def test_picture_is_refused_when_the_network_learned_from_a_table(tmp_path: Path):
    hook().save(tmp_path / "seven.png")
    table = VectorField(shape=(13,))

    with pytest.raises(DataError, match=r"seven.png: found an image.*vectors.*\[13\].*CSV"):
        read_image_file(tmp_path / "seven.png", table)
