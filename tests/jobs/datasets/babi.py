"""Questions about stories: the first 300 lines of each file of two bAbI tasks."""

import tarfile
from itertools import islice
from pathlib import Path

from distnet.data.importing import import_dataset
from tests.needs import real_data

NUM_LINES = 300
TASKS = ("qa1_", "qa6_")


def make(folder: Path) -> None:
    """Import the stories as their publisher has them."""
    raw = folder.parent / "babi-raw"
    raw.mkdir(exist_ok=True)
    with tarfile.open(real_data("babi.tar.xz")) as archive:
        for member in filter(tarfile.TarInfo.isfile, archive):
            file, name = archive.extractfile(member), Path(member.name).name
            assert file is not None
            if name.startswith(TASKS):
                (raw / name).write_bytes(b"".join(islice(file, NUM_LINES)))
    import_dataset(raw, folder)
