"""The first photos of each class of CIFAR-10, of its test part: the first of the archive."""

import tarfile
from itertools import takewhile
from pathlib import Path
from tempfile import TemporaryDirectory

from distnet.data.importing import import_dataset
from tests.needs import real_data

FIRST = tuple(f"/{number:04}.jpg" for number in range(16))


def make(folder: Path) -> None:
    """Import them."""
    with TemporaryDirectory() as raw, tarfile.open(real_data("cifar10-jpeg.tar.xz")) as archive:
        tests = takewhile(lambda member: member.name.startswith("test"), archive)
        chosen = [member for member in tests if member.name.endswith(FIRST)]
        archive.extractall(raw, chosen, filter="data")
        import_dataset(Path(raw) / "test", folder)
