"""Which files are pictures, and which formats need more than Pillow itself."""

from functools import cache
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import BinaryIO

from PIL import features

SUFFIXES = frozenset(
    (
        *(".apng", ".avif", ".bmp", ".dib", ".gif", ".heic", ".heif", ".hif", ".j2k", ".jfif"),
        *(".jp2", ".jpe", ".jpeg", ".jpg", ".jpx", ".mpo", ".pbm", ".pgm", ".png", ".pnm", ".ppm"),
        *(".qoi", ".tga", ".tif", ".tiff", ".webp"),
    )
)
"""Of the files that an import opens; their content decides the format."""

_HEIC = (".heic", ".heif", ".hif")
_HEIC_BRANDS = (b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"mif1", b"msf1")
_AVIF_BRANDS = (b"avif", b"avis")
HEIC_EXTRA = "pip install 'distnet[heic]'"


@cache
def register_formats() -> None:
    """Let Pillow read HEIC where the extra `heic` is installed."""
    if find_spec("pillow_heif") is not None:
        import_module("pillow_heif").register_heif_opener()


def missing_reader(file: Path | BinaryIO) -> tuple[str, str] | None:
    """Why a picture that Pillow cannot open is of a format that this installation lacks.

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


def _suffix_and_head(file: Path | BinaryIO) -> tuple[str, bytes]:
    try:
        if isinstance(file, Path):
            with file.open("rb") as opened:
                return file.suffix.lower(), opened.read(16)
        file.seek(0)
        return "", file.read(16)
    except (OSError, ValueError):
        return "", b""
