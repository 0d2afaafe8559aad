"""Encoded images (JPEG, PNG, PGM, BMP, WebP, ...) to uint8 arrays [channels, height, width]."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO, Literal

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageOps, UnidentifiedImageError

from distnet.data.images.formats import found_instead, missing_reader, opened
from distnet.errors import DataError

Colours = Literal["grey", "rgb"]
Size = tuple[int, int]  # height, width
_GREY = {"1", "L", "LA"}
_PLAIN = {"1", "L", "LA", "P", "PA", "RGB", "RGBA", "RGBX"}
_MORE_THAN_8_BITS = {"I", "F"}
WHITE_16 = 65535
"""The brightest value of 16 bits."""
_ORIENTATION = 0x0112
_NAME_ENCODINGS = ("ascii", "utf-16-be")  # of the name of a colour profile, in its own text
_LYING = {5, 6, 7, 8}


class MissingReaderError(DataError):
    """An image of a format that this installation cannot read."""

    def __init__(self, location: str, reason: str, remedy: str) -> None:
        super().__init__(f"{location}: {reason}; {remedy}")
        self.reason, self.remedy = reason, remedy


@dataclass(frozen=True)
class ImageHeader:
    """Size and colours of an image, known without decoding it."""

    height: int
    width: int
    is_grey: bool
    mode: str = "RGB"
    """How Pillow describes its colours."""
    is_turned: bool = False
    """Whether its EXIF orientation says that it is stored lying or mirrored."""
    is_transparent: bool = False
    """Whether it has an alpha channel or a transparent colour."""
    has_more_frames: bool = False
    has_16_bits: bool = False
    brightest: int | None = None
    """Of a grey image with 16 bits, its largest value; 65,535 is white."""
    has_profile: bool = False
    """Whether its colours follow a profile other than sRGB."""

    @property
    def is_plain(self) -> bool:
        """Whether its colours are grey or RGB, which need no conversion."""
        return self.mode in _PLAIN or self.brightest is not None


def read_header(file: Path | BinaryIO, *, location: str) -> ImageHeader:
    """Read how large an image is when it stands upright, and what decoding it will change.

    Raises:
        MissingReaderError: it is of a format that this installation cannot read.
        DataError: it cannot be read as an image; `location` names it.
    """
    with opened_image(file, location, takes_16_bits=True) as image:
        # Looked at first, since reading the EXIF part of a PNG decodes the image.
        has_16_bits = any(map(_has_16_bits, getattr(image, "tile", ())))
        width, height = image.size
        orientation = image.getexif().get(_ORIENTATION)
        # Pillow turns a TIFF by itself, and gives the size that it will have then.
        if orientation in _LYING and image.format != "TIFF":
            width, height = height, width
        is_deep = _is_deep_grey(image)
        return ImageHeader(
            height,
            width,
            is_grey=image.mode in _GREY or is_deep,
            mode=image.mode,
            is_turned=orientation in range(2, 9),
            is_transparent=image.has_transparency_data,
            # Of the images in an MPO file, as cameras write it, the first one is the photo.
            has_more_frames=image.format != "MPO" and getattr(image, "is_animated", False),
            has_16_bits=has_16_bits or is_deep,
            brightest=int(np.asarray(image).max(initial=0)) if is_deep else None,
            has_profile=_has_profile(image),
        )


def read_image(
    file: Path | BinaryIO,
    *,
    location: str,
    shape: tuple[int, ...],
    resize: bool = False,
    is_whole: bool = False,
) -> NDArray[np.uint8]:
    """Decode an image to uint8 of `shape`: 1 or 3 channels, height, width.

    Transparent parts become white. With `resize` the image is scaled until it covers the height
    and width, and cropped to its middle; with `is_whole` nothing is cropped, and its sides are
    scaled apart.

    Raises:
        DataError: it is damaged, or has another size; `location` names it.
    """
    channels, height, width = shape
    size = (height, width) if resize else None
    pixels = decode_image(file, location=location, channels=channels, size=size, is_whole=is_whole)
    if pixels.shape[1:] != (height, width):
        found = f"{pixels.shape[1]}x{pixels.shape[2]}"
        raise DataError(f"{location}: the image is {found}, expected {height}x{width}")
    return pixels


def decode_image(
    file: Path | BinaryIO,
    *,
    location: str,
    channels: int,
    size: Size | None = None,
    is_whole: bool = False,
) -> NDArray[np.uint8]:
    """Decode an image to uint8 [channels, height, width], with 1 or 3 channels.

    Transparent parts become white; of 16 bits the 8 upper ones are kept, rounded. With `size` the
    image is scaled until it covers that, and its middle is cut out; with `is_whole` nothing is cut,
    and its sides are scaled apart.

    Raises:
        DataError: it is damaged; `location` names it.
    """
    with opened_image(file, location, takes_16_bits=True) as image:
        ImageOps.exif_transpose(image, in_place=True)
        flat = _on_white(_with_8_bits(image)).convert("L" if channels == 1 else "RGB")
        if size is not None and (flat.height, flat.width) != size:
            scaled = Image.Image.resize if is_whole else ImageOps.fit
            flat = scaled(flat, (size[1], size[0]), Image.Resampling.BICUBIC)
        pixels = np.asarray(flat, np.uint8).reshape(flat.height, flat.width, channels)
    return np.ascontiguousarray(pixels.transpose(2, 0, 1))


def _has_16_bits(tile: Any) -> bool:
    """Whether a part of a file, as Pillow describes it, has more than 8 bits a channel."""
    codec, *_, settings = tile
    most = settings if codec == "ppm" and isinstance(settings, int) else 0  # of a channel
    return ";16" in str(settings) or most > 255


def _is_deep_grey(image: Image.Image) -> bool:
    """Whether it is grey with 16 bits; Pillow reads PGM files of such as mode I."""
    return image.mode.startswith("I;16") or (image.mode == "I" and image.format == "PPM")


def _with_8_bits(image: Image.Image) -> Image.Image:
    if not _is_deep_grey(image):
        return image
    values = np.asarray(image, np.float64) * (255 / WHITE_16)
    return Image.fromarray(values.round().astype(np.uint8))


@contextmanager
def opened_image(
    file: Path | BinaryIO, location: str, *, takes_16_bits: bool = False
) -> Iterator[Image.Image]:
    """Open an image of 8 bits a channel, or of 16 where the caller takes them.

    Raises:
        DataError: it cannot be read, also while it is used; `location` names it.
    """
    try:
        with opened(file) as image:
            is_taken = takes_16_bits and _is_deep_grey(image)
            if image.mode.split(";")[0] in _MORE_THAN_8_BITS and not is_taken:
                most = 16 if takes_16_bits else 8
                raise DataError(
                    f"{location}: more than {most} bits a channel (mode {image.mode}); "
                    "convert it to an 8-bit image"
                )
            yield image
    except DataError:
        raise
    except MemoryError:
        raise DataError(
            f"{location}: not enough memory for its pixels; choose a smaller --size, or scale it"
        ) from None
    except Exception as error:  # decoders raise errors of any kind for damaged files
        missing = missing_reader(file)
        if missing is not None:
            raise MissingReaderError(location, *missing) from None
        raise DataError(
            f"{location}: cannot be read as an image ({reason_of(file, error)}); repair or remove "
            "it"
        ) from None


def reason_of(file: Path | BinaryIO, error: Exception) -> str:
    """Why an image could not be read, by the error that Pillow raised."""
    if isinstance(error, UnidentifiedImageError):
        return found_instead(file)
    if isinstance(error, Image.DecompressionBombError):
        return f"it has more than {2 * (Image.MAX_IMAGE_PIXELS or 0):,} pixels"
    text = getattr(error, "strerror", None) or str(error) or type(error).__name__
    return str(text).replace(repr(file), "it").splitlines()[0]


def _has_profile(image: Image.Image) -> bool:
    profile = image.info.get("icc_profile") or b""
    return bool(profile) and not any("sRGB".encode(code) in profile for code in _NAME_ENCODINGS)


def _on_white(image: Image.Image) -> Image.Image:
    if not image.has_transparency_data:
        return image
    transparent = image.convert("RGBA")
    return Image.alpha_composite(Image.new("RGBA", image.size, "white"), transparent)
