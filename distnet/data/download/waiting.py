"""The folder where downloads wait until all of the raw files are there."""

from pathlib import Path

from distnet.data.catalogue.origin import Origin
from distnet.data.download.part import Part


def waiting_folder(raw: Path) -> Path:
    """Where downloads wait for the raw files of the folder `raw`."""
    return raw.with_name(f".{raw.name}.partial")


def num_arrived(folder: Path, origin: Origin) -> int:
    """The bytes that are in the folder of all downloads."""
    paths = [folder / download.name for download in origin.downloads]
    whole = sum(path.stat().st_size for path in paths if path.exists())
    return whole + sum(Part(path).num_bytes for path in paths)
