"""The first chorales of each split, cut after their first bars."""

import gzip
import json
from pathlib import Path

from distnet.data.importing import import_dataset
from tests.needs import real_data

NUM_PIECES, NUM_STEPS = {"train": 24, "valid": 4, "test": 4}, 64


def make(folder: Path) -> None:
    """Import them."""
    splits = json.loads(gzip.decompress(real_data("jsb-chorales.json.gz").read_bytes()))
    raw = folder.with_suffix(".json")
    parts = {
        name: [piece[:NUM_STEPS] for piece in splits[name][:num]]
        for name, num in NUM_PIECES.items()
    }
    raw.write_text(json.dumps(parts))
    import_dataset(raw, folder)
