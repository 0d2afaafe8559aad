"""Spoken digits: 96 of the 3,000 recordings."""

import tarfile
from itertools import takewhile
from pathlib import Path

from distnet.data.importing import import_dataset
from tests.needs import real_data

DIGITS, TAKES = ("0", "1", "2", "3"), ("0", "7", "8", "9")


def make(folder: Path) -> None:
    """Import four takes of four digits by each speaker, split as FSDD is."""
    raw = folder.parent / "fsdd-raw"
    raw.mkdir(exist_ok=True)
    with tarfile.open(real_data("fsdd.tar.xz")) as archive:
        files = filter(tarfile.TarInfo.isfile, archive)
        # In the order of the digits: the rest is not even decompressed.
        for member in takewhile(lambda member: Path(member.name).name[0] in DIGITS, files):
            file = archive.extractfile(member)
            assert file is not None
            if Path(member.name).stem.rpartition("_")[2] in TAKES:
                (raw / Path(member.name).name).write_bytes(file.read())
    options = {"names": "{class}_{speaker}_{take}", "test": "take=0"}
    import_dataset(raw, folder, kind="sound-folder", options=options)
