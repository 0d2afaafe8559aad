"""No image of a folder is lost without a word, whatever the folders are called."""

from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st

from distnet.data.sources.files.kinds import IMAGES
from distnet.data.sources.files.layout import sort_files
from distnet.data.sources.files.tree import File, FileTree
from distnet.data.survey.summary import Findings
from distnet.errors import DataError

NAMES = st.sampled_from(["train", "Training", "test", "test 2", "val", "cat", "dog", "caf\u00e9"])
PATHS = st.sets(st.lists(NAMES, max_size=4).map(tuple), min_size=1, max_size=12)


def tree_of(folders: set[tuple[str, ...]]) -> FileTree:
    """One image in each folder."""
    parts = sorted((*folder, "1.png") for folder in folders)
    above = {p[:depth] for p in parts for depth in range(1, len(p))}
    found = [File(p, Path(*p)) for p in parts]
    return FileTree(tuple(found), tuple(sorted(above)), IMAGES)


@settings(max_examples=80, derandomize=True)
@given(folders=PATHS, layout=st.sampled_from([None, "classes", "splits"]))
def test_every_image_is_in_one_class_or_counted(
    folders: set[tuple[str, ...]], layout: str | None
) -> None:
    findings = Findings()
    tree = tree_of(folders)
    try:
        splits = sort_files(tree, layout, findings)
    except DataError:  # --layout is to be given, or does not fit
        return

    files = [p.path for found in splits.values() for group in found.values() for p in group]
    assert len(files) == len(set(files))
    left_out = [row for row in findings.summary().left_out if row.what == "images"]
    assert len(files) + sum(row.count for row in left_out) == len(tree.files)
    for found in splits.values():
        for name, group in found.items():
            assert all(name in file.path.parts[:-1] for file in group)
