"""Some photos of each flower, scaled down."""

import tarfile
from collections import defaultdict
from pathlib import Path, PurePosixPath
from tempfile import TemporaryDirectory

from distnet.data.importing import import_dataset
from tests.needs import real_data

NUM_OF_EACH = 12


def make(folder: Path) -> None:
    """Import them."""
    with TemporaryDirectory() as raw, tarfile.open(real_data("flowers.tar")) as archive:
        photos = defaultdict[str, list[tarfile.TarInfo]](list)
        for member in archive:
            if member.name.endswith(".jpg"):
                photos[PurePosixPath(member.name).parent.name].append(member)
        chosen = [photo for found in photos.values() for photo in found[:NUM_OF_EACH]]
        archive.extractall(raw, chosen, filter="data")
        flowers = Path(raw) / "flowers"
        import_dataset(flowers, folder, validation_fraction=0.1, options={"size": (32, 32)})
