"""Which files are images, and how they are opened, whatever their names say."""

import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from threading import Lock
from typing import BinaryIO

from PIL import Image, features

SUFFIXES = frozenset(
    (
        *(".apng", ".avif", ".bmp", ".dib", ".gif", ".heic", ".heif", ".hif", ".j2k", ".jfif"),
        *(".jp2", ".jpe", ".jpeg", ".jpg", ".jpx", ".mpo", ".pbm", ".pgm", ".png", ".pnm", ".ppm"),
        *(".qoi", ".tga", ".tif", ".tiff", ".webp"),
    )
)
"""Of the files that an import opens; their content decides the format."""
_FORMATS = (
    *("AVIF", "BMP", "DIB", "GIF", "HEIF", "JPEG", "JPEG2000", "MPO", "PNG", "PPM", "QOI"),
    *("TGA", "TIFF", "WEBP"),
)
"""Pillow's names of the formats. Others, such as PostScript, are not opened: it runs programs."""

_HEIC = (".heic", ".heif", ".hif")
_HEIC_BRANDS = (b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"mif1", b"msf1")
_AVIF_BRANDS = (b"avif", b"avis")
HEIC_EXTRA = "pip install 'distnet[heic]'"


@contextmanager
def opened(file: Path | BinaryIO) -> Iterator[Image.Image]:
    """Open an image, of any of the formats that distnet reads; Pillow's warnings are not shown.

    Raises:
        UnidentifiedImageError: its content is of none of them.
        Exception: of any kind, for a damaged file.
    """
    with _QUIET, Image.open(file, formats=_formats()) as image:
        yield image


@cache
def _formats() -> tuple[str, ...]:
    """The formats that this installation reads: HEIC needs the extra `heic`."""
    if find_spec("pillow_heif") is not None:
        import_module("pillow_heif").register_heif_opener()
    Image.init()
    return tuple(name for name in _FORMATS if name in Image.OPEN)


class _Quiet:
    """No warnings, such as those about odd metadata, while any thread is inside.

    `warnings.catch_warnings` alone changes the filters of the whole process: where two threads
    overlap, the later one to leave would restore those of the other, and hide warnings for good.
    """

    def __init__(self) -> None:
        self._lock, self._num_inside = Lock(), 0
        self._catch = warnings.catch_warnings()

    def __enter__(self) -> None:
        with self._lock:
            if self._num_inside == 0:
                self._catch = warnings.catch_warnings()
                self._catch.__enter__()
                warnings.simplefilter("ignore")
            self._num_inside += 1

    def __exit__(self, *_: object) -> None:
        with self._lock:
            self._num_inside -= 1
            if self._num_inside == 0:
                self._catch.__exit__(None, None, None)


_QUIET = _Quiet()


def missing_reader(file: Path | BinaryIO) -> tuple[str, str] | None:
    """Why an image that Pillow cannot open is of a format that this installation lacks.

    Returns:
        The reason and what to do; None where the format is not to blame.
    """
    suffix, head = _suffix_and_head(file)
    brand = head[8:12] if head[4:8] == b"ftyp" else b""
    if (suffix in _HEIC or brand in _HEIC_BRANDS) and find_spec("pillow_heif") is None:
        return "HEIC is read by the package pillow-heif, which is not installed", HEIC_EXTRA
    if (suffix == ".avif" or brand in _AVIF_BRANDS) and not features.check("avif"):
        return "this build of Pillow cannot read AVIF", "install Pillow 11.3 or newer"
    return None


def found_instead(file: Path | BinaryIO) -> str:
    """What a file holds that is none of the formats: nothing, text, or something else."""
    _, head = _suffix_and_head(file, 40)
    if not head:
        return "it is empty"
    text = head.decode("ascii", "replace").strip()
    if text and all(letter.isprintable() and letter.isascii() for letter in text.split("\n")[0]):
        return f"it is a text that begins with {text.splitlines()[0]!r}"
    return "its content is of no known format"


def _suffix_and_head(file: Path | BinaryIO, length: int = 16) -> tuple[str, bytes]:
    try:
        if isinstance(file, Path):
            with file.open("rb") as content:
                return file.suffix.lower(), content.read(length)
        file.seek(0)
        return "", file.read(length)
    except (OSError, ValueError):
        return "", b""
