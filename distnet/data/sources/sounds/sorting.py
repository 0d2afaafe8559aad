"""Which split and class each recording of a folder belongs to, by its folders or by its name."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from distnet.data.sources._splits import is_split_name, split_of
from distnet.data.sources.files.class_names import natural_order
from distnet.data.sources.files.kinds import RECORDINGS
from distnet.data.sources.files.layout import Layout, sort_files, utf8_name
from distnet.data.sources.files.tree import FileTree, Parts
from distnet.data.sources.files.unreadable import Unreadable
from distnet.data.sources.sounds.names import CLASS, Holdout, NamePattern
from distnet.data.survey.summary import Findings
from distnet.errors import DataError

ALL = "all"
"""The only split where nothing says which recordings are for the test."""


@dataclass(frozen=True)
class Recording:
    """A file, and what its name or folder says: `{"class": "7", "speaker": "theo"}`."""

    file: Path
    parts: Mapping[str, str]


Splits = dict[str, list[Recording]]


class Sorting:
    """The rules of an import.

    Args:
        names: what the names of the files say; None where the folders are the classes.
        test: the recordings for the test, by a part of their names.
        layout: what the first folders are; None decides by their names.

    Raises:
        DataError: they cannot be used.
    """

    def __init__(self, names: str | None, test: str | None, layout: Layout | None) -> None:
        self._pattern = None if names is None else NamePattern(names)
        parts = () if self._pattern is None else self._pattern.parts
        self._holdout = None if test is None else Holdout(test, parts)
        self._layout = layout

    def splits(
        self, path: Path, tree: FileTree, findings: Findings, unreadable: Unreadable
    ) -> Splits:
        """The recordings of each split.

        Raises:
            DataError: there are none, or the rules do not fit them.
        """
        if self._pattern is None:
            return _by_folder(path, tree, self._layout, findings)
        splits = self._by_name(self._pattern, tree, findings, unreadable)
        return splits if self._holdout is None else self._held_out(splits, self._holdout)

    def _by_name(
        self, pattern: NamePattern, tree: FileTree, findings: Findings, unreadable: Unreadable
    ) -> Splits:
        """Read the names; the first folders are splits where one of them is called train."""
        tops = {file.parts[0] for file in tree.files if len(file.parts) > 1}
        may_split = self._layout != "classes"
        has_splits = may_split and "train" in map(split_of, filter(is_split_name, tops))
        splits: Splits = {}
        for file in tree.files:
            parts = pattern.read(tuple(map(utf8_name, file.parts)))
            split = _split_of_folder(file.parts) if has_splits else ALL
            if split is None:
                why = "they are in no folder that is named as a split is"
                example = "/".join(file.parts)
                findings.left_out(RECORDINGS.plural, why, example=example, option="move them")
            elif parts is None:
                found, expected = file.path.stem, f"a name of the form {pattern.text}"
                fault = f"{file.path}: found {found!r}, expected {expected}; rename it"
                unreadable.add(str(file.path), DataError(fault), RECORDINGS.plural)
            else:
                splits.setdefault(split, []).append(Recording(file.path, parts))
        return splits

    def _held_out(self, splits: Splits, holdout: Holdout) -> Splits:
        if set(splits) - {ALL}:
            raise DataError(f"{holdout}: the folders are splits already: {', '.join(splits)}")
        recordings = splits.get(ALL, [])
        holdout.check({r.parts[holdout.part] for r in recordings})
        test = [r for r in recordings if r.parts[holdout.part] in holdout.values]
        train = [r for r in recordings if r.parts[holdout.part] not in holdout.values]
        return {"train": train, "test": test}


def _split_of_folder(parts: Parts) -> str | None:
    return split_of(parts[0]) if len(parts) > 1 else None


def _by_folder(path: Path, tree: FileTree, layout: Layout | None, findings: Findings) -> Splits:
    found = sort_files(tree, layout, findings)
    splits = {
        split: [
            Recording(file.path, {CLASS: name})
            for name in natural_order(classes)
            for file in classes[name]
        ]
        for split, classes in found.items()
    }
    if not any(splits.values()):
        raise DataError(
            f"{path}: found no class folders with recordings; make one folder a class, or say what "
            "the names of the files mean, such as: --names '{class}_{speaker}_{take}'"
        )
    return splits
