"""The first lines of Shakespeare's plays, as `data import` with `--test-fraction 0.1` has them."""

import gzip
from itertools import islice
from pathlib import Path

from distnet.data.importing import import_dataset
from tests.needs import real_data

NUM_LINES = 600


def make(folder: Path) -> None:
    """Import some lines, each with its line break, into `folder`."""
    raw = folder.with_suffix(".txt")
    with gzip.open(real_data("tinyshakespeare.txt.gz"), "rt", encoding="utf-8") as lines:
        raw.write_text("".join(islice(lines, NUM_LINES)), encoding="utf-8")
    import_dataset(raw, folder, test_fraction=0.1)
