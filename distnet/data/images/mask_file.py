"""Encoded masks to the value of each pixel, unchanged: an index of a palette, or a grey value."""

from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageOps

from distnet.data.images.decode import Size, opened_image
from distnet.errors import DataError

LOSSY = ("JPEG", "MPO")


def read_mask(file: Path, *, size: Size | None = None) -> NDArray[np.uint8]:
    """Decode the values of a mask, uint8 [height, width]; black and white are 0 and 255.

    With `size` the sides are scaled apart; each pixel then is that of the nearest.

    Raises:
        DataError: it is damaged, or its values are no classes.
    """
    with opened_image(file, str(file)) as image:
        if image.format in LOSSY:
            raise DataError(
                f"{file}: found a mask as JPEG, which changes values; save masks as PNG"
            )
        values = ImageOps.exif_transpose(image)
        values = values if values.mode in ("P", "L") else _as_grey(file, values)
        if size is not None and (values.height, values.width) != size:
            values = values.resize((size[1], size[0]), Image.Resampling.NEAREST)
        return np.array(values, np.uint8)


def _as_grey(file: Path, image: Image.Image) -> Image.Image:
    """Without colours and transparency; grey values may be stored as colours."""
    if image.mode in ("1", "LA", "PA"):
        return image.convert("L") if image.mode == "1" else image.getchannel(0)
    channels = np.asarray(image.convert("RGB"))
    if (channels != channels[..., :1]).any():
        raise DataError(
            f"{file}: found a mask in colours, expected palette PNG or grey values; convert each "
            "colour to the number of its class"
        )
    return Image.fromarray(channels[..., 0])
