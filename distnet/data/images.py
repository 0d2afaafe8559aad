"""Encoded images (JPEG, PNG, PGM, BMP, WebP, ...) to uint8 arrays [channels, height, width]."""

import warnings
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, Literal

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageOps

from distnet.errors import DataError

Colours = Literal["grey", "rgb"]
Size = tuple[int, int]  # height, width
SUFFIXES = frozenset(
    {".bmp", ".gif", ".jpeg", ".jpg", ".pgm", ".png", ".pnm", ".ppm", ".tif", ".tiff", ".webp"}
)
_GREY = {"1", "L", "LA"}
_MORE_THAN_8_BITS = {"I", "F"}
_ORIENTATION = 0x0112
_TURNED = {5, 6, 7, 8}


@dataclass(frozen=True)
class ImageHeader:
    """Size and colours of an image, known without decoding it."""

    height: int
    width: int
    is_grey: bool


def read_header(file: Path | BinaryIO, *, location: str) -> ImageHeader:
    """Read how large an image is when it stands upright, and whether it has colours.

    Raises:
        DataError: it cannot be read as an image; `location` names it.
    """
    with _opened(file, location) as image:
        width, height = image.size
        if image.getexif().get(_ORIENTATION) in _TURNED:
            width, height = height, width
        return ImageHeader(height, width, image.mode in _GREY)


def read_image(
    file: Path | BinaryIO, *, location: str, shape: tuple[int, ...], resize: bool = False
) -> NDArray[np.uint8]:
    """Decode an image to uint8 of `shape`: 1 or 3 channels, height, width.

    Transparent parts become white. With `resize` the image is scaled until it covers the height
    and width, and cropped to its middle.

    Raises:
        DataError: it is damaged, or has another size; `location` names it.
    """
    channels, height, width = shape
    size = (height, width) if resize else None
    pixels = decode_image(file, location=location, channels=channels, size=size)
    if pixels.shape[1:] != (height, width):
        found = f"{pixels.shape[1]}x{pixels.shape[2]}"
        raise DataError(f"{location}: the image is {found}, expected {height}x{width}")
    return pixels


def decode_image(
    file: Path | BinaryIO, *, location: str, channels: int, size: Size | None = None
) -> NDArray[np.uint8]:
    """Decode an image to uint8 [channels, height, width], with 1 or 3 channels.

    Transparent parts become white. With `size` the image is scaled until it covers that, and its
    middle is cut out.

    Raises:
        DataError: it is damaged; `location` names it.
    """
    with _opened(file, location) as image:
        upright = _on_white(ImageOps.exif_transpose(image))
        flat = upright.convert("L" if channels == 1 else "RGB")
        if size is not None and (flat.height, flat.width) != size:
            flat = ImageOps.fit(flat, (size[1], size[0]), Image.Resampling.BICUBIC)
        pixels = np.asarray(flat, np.uint8).reshape(flat.height, flat.width, channels)
    return np.ascontiguousarray(pixels.transpose(2, 0, 1))


class ImageSurvey:
    """Find the common shape of the images of a dataset."""

    def __init__(self) -> None:
        self._sizes: Counter[Size] = Counter()
        self._examples: dict[Size, str] = {}
        self._has_colours = False

    def add(self, header: ImageHeader, *, location: str) -> None:
        """Count one image."""
        size = (header.height, header.width)
        self._sizes[size] += 1
        self._examples.setdefault(size, location)
        self._has_colours |= not header.is_grey

    def shape(self, size: Size | None, colours: Colours | None) -> tuple[int, int, int]:
        """Decide channels, height and width; colour where any image has some.

        Raises:
            DataError: the sizes differ and no size is given.
        """
        channels = 3 if (colours == "rgb" or (colours is None and self._has_colours)) else 1
        if size is None and len(self._sizes) > 1:
            raise DataError(self._differences())
        height, width = size or next(iter(self._sizes))
        return channels, height, width

    def _differences(self) -> str:
        lines = [
            f"  {height}x{width}: {count:,} images, such as {self._examples[height, width]}"
            for (height, width), count in self._sizes.most_common(5)
        ]
        if len(self._sizes) > len(lines):
            lines.append(f"  and {len(self._sizes) - len(lines)} more sizes")
        return "\n".join(
            [
                f"the images have {len(self._sizes)} different sizes (height x width):",
                *lines,
                "choose one size for all: --size HEIGHTxWIDTH",
            ]
        )


@contextmanager
def _opened(file: Path | BinaryIO, location: str) -> Iterator[Image.Image]:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # about odd metadata, which is not used here
            with Image.open(file) as image:
                if image.mode.split(";")[0] in _MORE_THAN_8_BITS:
                    raise DataError(
                        f"{location}: more than 8 bits a channel (mode {image.mode}); "
                        "convert it to an 8-bit image"
                    )
                yield image
    except (OSError, SyntaxError, ValueError, Image.DecompressionBombError) as error:
        reason = str(error).replace(repr(file), "it").splitlines()[0]
        raise DataError(
            f"{location}: cannot be read as an image ({reason}); repair or remove it"
        ) from None


def _on_white(image: Image.Image) -> Image.Image:
    if image.mode not in {"RGBA", "LA", "PA"} and "transparency" not in image.info:
        return image
    transparent = image.convert("RGBA")
    return Image.alpha_composite(Image.new("RGBA", image.size, "white"), transparent)
