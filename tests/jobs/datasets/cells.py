"""Sixteen photos of blood cells at a small size."""

import tarfile
from pathlib import Path, PurePosixPath

from distnet.data.importing import import_dataset
from tests.needs import real_data

NUM_TRAIN, NUM_TEST = 12, 4


def make(folder: Path) -> None:
    """Import the first photos of the two lists."""
    raw = folder.with_name("raw-cells")
    with tarfile.open(real_data("bccd.tar")) as archive:
        members = {PurePosixPath(member.name): member for member in archive}
        lists = {path.stem: path for path in members if path.parts[-2:-1] == ("Main",)}
        (raw / "ImageSets" / "Main").mkdir(parents=True)
        chosen = set[str]()
        for split, num in {"train": NUM_TRAIN, "test": NUM_TEST}.items():
            file = archive.extractfile(members[lists[split]])
            assert file is not None
            names = file.read().decode().split()[:num]
            (raw / "ImageSets" / "Main" / f"{split}.txt").write_text("\n".join(names))
            chosen |= set(names)
        for path, member in members.items():
            if path.stem in chosen:
                content = archive.extractfile(member)
                assert content is not None
                (raw / path.parent.name).mkdir(exist_ok=True)
                (raw / path.parent.name / path.name).write_bytes(content.read())
    import_dataset(raw, folder, options={"size": (96, 128), "skip_unreadable": True})
