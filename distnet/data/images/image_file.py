"""An image file of any size and kind -> the input of a network that learned from images.

Datasets of drawn figures (MNIST and its relatives) are prepared in one way, which an image must
follow: the figure fits a box of 20 x 20 pixels, its shape kept, and its centre of mass lies in
the middle of 28 x 28 pixels. Other images are scaled and cropped as at an import.

Source: LeCun et al. 1998, section III.A. Unlike there, ink is what differs from the paper, which
the image's border shows, so that dark on light, light on dark and coloured pens are all the same;
and strokes thinner than those of a pen are thickened, or they would vanish at this size.
"""

from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageFilter, ImageOps, UnidentifiedImageError

from distnet.data.fields.field import Field
from distnet.data.images.decode import MissingReaderError, read_image, reason_of
from distnet.data.images.formats import missing_reader, opened
from distnet.errors import DataError

Array = NDArray[Any]

BOX = 20 / 28  # the side of the box around a figure, as a part of the image's
LARGEST_SIDE = 512  # a photo's details beyond this only cost time
SMALLEST_CONTRAST = 0.1  # between ink and paper, of the whole range from black to white
INK = 0.1  # from here on a pixel belongs to the figure
STROKE_WIDTH = 1.6  # pixels of the result that a stroke has at least


def read_image_file(
    path: Path | str, data: Field, *, as_is: bool = False, content: BinaryIO | None = None
) -> Array:
    """Read an image as one sample, uint8 [channels, height, width], of the shape of the data.

    Args:
        path: the file, in any format that Pillow reads.
        content: the image itself, where it is in no file of its own; `path` is then its location.
        data: what the network learned from.
        as_is: only scale and crop it, even where the data are drawn figures.

    Raises:
        DataError: the file cannot be read, or the image is blank.
    """
    if data.kind != "image" or data.shape[0] not in (1, 3):
        raise DataError(
            f"{path}: found an image or a file of no known kind, but the network learned from "
            f"{data.kind}s of shape {list(data.shape)}; give a CSV or Parquet file with a row for "
            "each sample"
        )
    if as_is or not holds_figures(data):
        file = Path(path) if content is None else content
        return read_image(file, location=str(path), shape=data.shape, resize=True)
    ink = _draw(path, _open(path, content), data.shape[1:])
    return (255 - ink if has_white_paper(data) else ink)[None]


def holds_figures(data: Field) -> bool:
    """Whether the data are drawn figures on an empty background, by their statistics.

    Figures are grey, mostly background, and nearly all of their pixels are ink or background: then
    the deviation comes close to sqrt(m (1 - m)), that of pixels which are either 0 or 1.
    """
    if data.kind != "image" or data.shape[0] != 1 or not data.mean:
        return False
    mean, std = data.mean[0], data.std[0]
    return min(mean, 1 - mean) < 0.35 and std > 0.8 * (mean * (1 - mean)) ** 0.5


def has_white_paper(data: Field) -> bool:
    """Whether the data are drawn figures, dark on white."""
    return holds_figures(data) and data.mean[0] > 0.5


def _open(path: Path | str, content: BinaryIO | None) -> Image.Image:
    """Open an image upright, with 8 bits a channel, grey or RGB, without transparency."""
    file = Path(path) if content is None else content
    try:
        with opened(file) as image:
            return _without_transparency(path, ImageOps.exif_transpose(image))
    except DataError:
        raise
    except FileNotFoundError:
        raise DataError(f"{path}: found no such file, expected an image") from None
    except Exception as error:  # decoders raise errors of any kind for damaged files
        missing = missing_reader(file)
        if missing is not None:
            raise MissingReaderError(str(path), *missing) from None
        if isinstance(error, UnidentifiedImageError):
            raise DataError(
                f"{path}: not a readable image: {reason_of(file, error)}; use PNG or JPEG"
            ) from None
        raise DataError(f"{path}: the image cannot be read: {reason_of(file, error)}") from None


def _without_transparency(path: Path | str, picture: Image.Image) -> Image.Image:
    if picture.mode.startswith(("I", "F")):
        return _eight_bits(picture)
    if picture.has_transparency_data:
        return _on_paper(path, picture.convert("RGBA"))
    return picture.convert("L" if picture.mode in ("1", "L") else "RGB")


def _eight_bits(picture: Image.Image) -> Image.Image:
    numbers = np.nan_to_num(np.asarray(picture, np.float64))
    ranges = (65535.0,) if picture.mode.startswith("I;16") else (1.0, 255.0, 65535.0)
    top = next((top for top in ranges if numbers.max() <= top), numbers.max())
    return Image.fromarray((numbers.clip(0) * (255 / top)).round().astype(np.uint8))


def _on_paper(path: Path | str, picture: Image.Image) -> Image.Image:
    """Lay what is transparent on white, or on black where the drawing itself is light."""
    pixels = np.asarray(picture, np.float32)
    opacity = pixels[..., 3]
    if opacity.max() == 0:
        raise DataError(f"{path}: the image is blank: all of it is transparent")
    lightness = np.average(pixels[..., :3].mean(2), weights=opacity)
    paper = Image.new("RGBA", picture.size, "white" if lightness < 128 else "black")
    return Image.alpha_composite(paper, picture).convert("RGB")


def _draw(path: Path | str, picture: Image.Image, shape: tuple[int, ...]) -> Array:
    """Draw the image's figure in the style of the data, uint8 [height, width], ink 255."""
    picture.thumbnail((LARGEST_SIDE, LARGEST_SIDE))
    ink = _crop(_find_ink(path, picture))
    box = round(min(shape) * BOX)
    ink = _thicken(ink, STROKE_WIDTH * max(ink.shape) / box)
    height, width = (max(1, round(side * box / max(ink.shape))) for side in ink.shape)
    figure = np.asarray(Image.fromarray(ink).resize((width, height), Image.Resampling.BILINEAR))
    return _centred((figure * (255 / figure.max())).round().astype(np.uint8), shape)


def _find_ink(path: Path | str, picture: Image.Image) -> Array:
    """How much each pixel differs from the paper, [height, width] from 0 to 1."""
    pixels: Array = np.asarray(picture, np.float32) / 255
    pixels = pixels.reshape(*pixels.shape[:2], -1)
    sides = (pixels[0], pixels[-1], pixels[:, 0], pixels[:, -1])
    border = np.concatenate(sides)
    paper = np.median(border, axis=0)
    ink = np.abs(pixels - paper).max(2)
    noise = 3 * np.quantile(np.abs(border - paper).max(1), 0.75)
    contrast = ink.max() - noise
    if contrast < SMALLEST_CONTRAST:
        raise DataError(f"{path}: the image is blank: nothing on it differs from its border")
    cleaned: Array = ((ink - noise) / contrast).clip(0, 1)
    return cleaned


def _crop(ink: Array) -> Array:
    """Cut out the figure."""
    rows, columns = (np.flatnonzero((ink >= INK).any(axis)) for axis in (1, 0))
    return ink[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]


def _thicken(ink: Array, width: float) -> Array:
    """Make strokes that are thinner than `width` pixels about as wide."""
    mask = np.pad(ink >= INK, 1)
    inner = mask[:-2, 1:-1] & mask[2:, 1:-1] & mask[1:-1, :-2] & mask[1:-1, 2:] & mask[1:-1, 1:-1]
    # A stroke of length l and width w has w * l pixels, and 2 l of them lie on its edge.
    found = 2 * mask.sum() / max(1, mask.sum() - inner.sum())
    missing = round((width - found) / 2)
    if missing < 1:
        return ink
    grown = Image.fromarray((np.pad(ink, missing) * 255).astype(np.uint8))
    return np.asarray(grown.filter(ImageFilter.MaxFilter(2 * missing + 1)), np.float32) / 255


def _centred(figure: Array, shape: tuple[int, ...]) -> Array:
    """Put the centre of mass of the figure in the middle, as far as all of it stays inside."""
    canvas = np.zeros(shape, np.uint8)
    corner = []
    for axis, side in enumerate(shape):
        weights = figure.sum(1 - axis, dtype=np.float64)
        centre = np.arange(len(weights)) @ weights / weights.sum()
        # In MNIST itself it lies within half a pixel of number 14, counted from 0.
        corner.append(int(np.clip(round(side // 2 - centre), 0, side - len(weights))))
    top, left = corner
    canvas[top : top + figure.shape[0], left : left + figure.shape[1]] = figure
    return canvas
