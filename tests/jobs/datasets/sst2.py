"""Sentences of film reviews: the first 400 of each split of SST-2."""

import tarfile
from itertools import islice
from pathlib import Path

from distnet.data.importing import import_dataset
from tests.needs import real_data

NUM_ROWS = 400


def make(folder: Path) -> None:
    """Import the splits as their publisher has them: without a header."""
    raw = folder.parent / "sst2-raw"
    raw.mkdir(exist_ok=True)
    with tarfile.open(real_data("sst2.tar.gz")) as archive:
        for split in ("train", "dev", "test"):
            file = archive.extractfile(f"data/SST2/{split}.tsv")
            assert file is not None
            (raw / f"{split}.tsv").write_bytes(b"".join(islice(file, NUM_ROWS)))
    import_dataset(raw, folder, options={"classes": ("negative", "positive")})
