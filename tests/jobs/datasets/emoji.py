"""The first 200 emoji of the sheet's index."""

import json
import tarfile
from pathlib import Path
from tempfile import TemporaryDirectory

from distnet.data.importing import import_dataset
from tests.needs import real_data

NUM_SPRITES = 200


def make(folder: Path) -> None:
    """Import them."""
    with TemporaryDirectory() as raw, tarfile.open(real_data("emoji.tar.xz")) as archive:
        archive.extractall(raw, filter="data")
        index = Path(raw) / "emoji.json"
        index.write_text(json.dumps(json.loads(index.read_text())[:NUM_SPRITES]))
        import_dataset(Path(raw), folder, options={"sprite_size": 32, "gap": 1})
