"""Nine of the 30 images of cell membranes, scaled down."""

import tarfile
from pathlib import Path
from tempfile import TemporaryDirectory

from distnet.data.importing import import_dataset
from tests.needs import real_data

NUM_IMAGES = 9


def make(folder: Path) -> None:
    """Import them."""
    with TemporaryDirectory() as raw, tarfile.open(real_data("membrane.tar.xz")) as archive:
        names = [f"/{index}.png" for index in range(NUM_IMAGES)]
        members = [member for member in archive if member.name.endswith(tuple(names))]
        archive.extractall(raw, members, filter="data")
        (top,) = Path(raw).iterdir()
        options = {"classes": ("membrane", "cell"), "size": (128, 128)}
        import_dataset(top, folder, kind="masks", test_fraction=0.3, options=options)
