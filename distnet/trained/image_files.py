"""Images as PNG files: one for each, or one for all."""

from collections.abc import Callable
from io import BytesIO
from math import ceil
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from distnet.errors import RunError
from distnet.run_folder.write import write_whole

GAP = 2
"""Pixels between two images of a sheet."""
MOST_ON_SHEET = 10_000
"""Images of one file: viewers refuse pictures of more than about 90 million pixels."""
Pixels = NDArray[np.uint8]


def require_output(num: int, output: Path) -> None:
    """Check that so many images can be written there, before they are made.

    Raises:
        RunError: the file is of another format than PNG, or they are too many for one file.
    """
    suffix = output.suffix.lower()
    if suffix in Image.registered_extensions() and not _is_sheet(output):
        raise RunError(
            f"{output}: found the suffix {suffix}, expected a file that ends in .png, or a folder "
            f"for a PNG of each image; such as: --output {output.with_suffix('.png')}"
        )
    if _is_sheet(output) and num > MOST_ON_SHEET:
        raise RunError(
            f"{output}: found {num:,} images for one file, expected at most {MOST_ON_SHEET:,}; "
            "give a folder instead, for a file each: --output images/"
        )


def write_images(
    images: Pixels, output: Path, *, progress: Callable[[int], None] = lambda _: None
) -> list[Path]:
    """Write images, uint8 [n, C, H, W], of 1 or 3 channels.

    Args:
        images: the images.
        output: a file that ends with .png, which shows all of them, or a folder.
        progress: called with the number of files that are written.

    Returns:
        The files.

    Raises:
        RunError: they cannot be written.
    """
    try:
        if _is_sheet(output):
            output.parent.mkdir(parents=True, exist_ok=True)
            write_whole(output, _png(_sheet(images)))
            return [output]
        output.mkdir(parents=True, exist_ok=True)
        width = len(str(len(images) - 1))
        files = [output / f"{index:0{width}}.png" for index in range(len(images))]
        for number, (file, image) in enumerate(zip(files, images, strict=True), start=1):
            write_whole(file, _png(image))
            progress(number)
    except OSError as error:
        raise RunError(
            f"{output}: cannot be written: {error.strerror}; choose another path with --output"
        ) from None
    return files


def _is_sheet(output: Path) -> bool:
    return output.suffix.lower() == ".png"


def _sheet(images: Pixels) -> Pixels:
    """All images in about as many rows as columns, [C, H, W], on a grey ground."""
    num, channels, height, width = images.shape
    columns = ceil(num**0.5)
    rows = ceil(num / columns)
    size = (channels, rows * (height + GAP) + GAP, columns * (width + GAP) + GAP)
    sheet = np.full(size, 128, dtype=np.uint8)
    for index, image in enumerate(images):
        top = GAP + index // columns * (height + GAP)
        left = GAP + index % columns * (width + GAP)
        sheet[:, top : top + height, left : left + width] = image
    return sheet


def _png(image: Pixels) -> bytes:
    """The file of one image [C, H, W]."""
    data = BytesIO()
    pixels = image[0] if len(image) == 1 else np.moveaxis(image, 0, -1)
    Image.fromarray(np.ascontiguousarray(pixels)).save(data, "PNG", optimize=True)
    return data.getvalue()
