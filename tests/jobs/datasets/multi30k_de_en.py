"""Captions in German and English: the first of each split of Multi30k."""

import gzip
import tarfile
from itertools import islice
from pathlib import Path

from distnet.data.importing import import_dataset
from tests.needs import real_data

NUM_PAIRS = {"train": 400, "val": 40, "test_2016_flickr": 40, "test_2017_flickr": 40}


def make(folder: Path) -> None:
    """Import the splits as their publisher has them: one file each and language."""
    raw = folder.parent / "multi30k-raw"
    raw.mkdir(exist_ok=True)
    with tarfile.open(real_data("multi30k.tar")) as archive:
        for split, number in NUM_PAIRS.items():
            for language in ("de", "en"):
                file = archive.extractfile(f"data/task1/raw/{split}.{language}.gz")
                assert file is not None
                lines = b"".join(islice(gzip.GzipFile(fileobj=file), number))
                (raw / f"{split}.{language}").write_bytes(lines)
    options = {"source_lang": "de", "target_lang": "en", "vocabulary": 400}
    import_dataset(raw, folder, options=options)
