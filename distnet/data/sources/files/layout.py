"""Which split and class each file of a folder belongs to, by the folders that it is in.

Classes are the first folders; or, where there is a folder called `train` with folders inside, those
in the folder of each split. Deeper folders belong to their class.
"""

import os
from collections import defaultdict
from unicodedata import normalize

from distnet.data.sources._splits import split_of
from distnet.data.sources.files.splits import (
    OPTION,
    choose_splits,
    shared_names,
    splits_in_classes,
    unwrapped,
)
from distnet.data.sources.files.tree import File, FileTree, Parts
from distnet.data.survey.summary import Findings
from distnet.errors import DataError

Layout = str
"""What the first folders are: `classes` or `splits`."""
Classes = dict[str, list[File]]
"""The files of each class."""


def sort_files(tree: FileTree, layout: Layout | None, findings: Findings) -> dict[str, Classes]:
    """Give each file its split and class; report those that have none.

    Args:
        tree: the files.
        layout: what the first folders are; None decides by their names.
        findings: of the import.

    Returns:
        One split called `all` where the first folders are classes. A class without files is
        listed if it has a folder.

    Raises:
        DataError: there is no folder for training, or the name of a class is not valid Unicode.
    """
    if layout != "classes":
        tree = unwrapped(tree, findings)
    if layout is None and (turned := splits_in_classes(tree)):
        why = "each folder holds folders called train, test, ..."
        findings.guessed("layout", "splits inside of classes", why, option=OPTION)
        tree, layout = turned, "splits"
    splits = choose_splits(tree, layout)
    if layout is None:
        _report_layout(splits, findings)
        _report_shared_names(tree, splits, findings)
    _report_names(tree, splits, findings)
    return _sort(tree, splits, findings)


def _sort(tree: FileTree, splits: dict[str, str], findings: Findings) -> dict[str, Classes]:
    found: dict[str, Classes] = defaultdict(dict)
    depth = _class_depth(splits)
    for folder in tree.folders:
        if _is_class(folder, splits):
            found[splits.get(folder[0], "all")].setdefault(utf8_name(folder[depth]), [])
    for file in tree.files:
        parts, example = file.parts, "/".join(file.parts)
        fault = _why_of_no_class(parts, splits)
        if fault is not None:
            findings.left_out(tree.kind.plural, fault, example=example, option=OPTION)
            continue
        if len(parts) > depth + 2:
            what = f"{tree.kind.plural} in deeper folders"
            why = f"the {'second' if splits else 'first'} folder of a path names the class"
            findings.guessed(what, "read with their class", why, example=example, option=OPTION)
        found[splits.get(parts[0], "all")][utf8_name(parts[depth])].append(file)
    return dict(found)


def _class_depth(splits: dict[str, str]) -> int:
    return 1 if splits else 0


def _is_class(folder: Parts, splits: dict[str, str]) -> bool:
    return len(folder) == _class_depth(splits) + 1 and (not splits or folder[0] in splits)


def _why_of_no_class(parts: Parts, splits: dict[str, str]) -> str | None:
    if splits and len(parts) > 1 and parts[0] not in splits:
        train = next(folder for folder, split in splits.items() if split == "train")
        return f"{parts[0]}/ lies beside {train}/, but is not named as a split is"
    if len(parts) < _class_depth(splits) + 2:
        return "they are in no class folder"
    return None


def utf8_name(folder: str) -> str:
    """The name as it is on the disk, in UTF-8: Python reads it in the encoding of the terminal."""
    try:
        name = os.fsencode(folder).decode("utf-8")
    except UnicodeDecodeError:
        raise DataError(f"{folder!r}: the name of this folder is not UTF-8; rename it") from None
    return normalize("NFC", name)


def _report_layout(splits: dict[str, str], findings: Findings) -> None:
    if splits:
        why = "there is a folder called train with folders inside"
        findings.guessed("layout", "a folder a split, in it a folder a class", why, option=OPTION)
    else:
        why = "there is no folder called train with class folders inside"
        findings.guessed("layout", "a folder a class", why, option=OPTION)


def _report_shared_names(tree: FileTree, splits: dict[str, str], findings: Findings) -> None:
    shared = [] if splits else shared_names(tree)
    if len(shared) > 1:
        findings.warned(
            "folders of the same name in several classes",
            "the first folder of a path names the class",
            example=shared[0],
            count=len(shared),
            option="if these are the classes, import one of the first folders alone",
        )


def _report_names(tree: FileTree, splits: dict[str, str], findings: Findings) -> None:
    for name, split in splits.items():
        if name != split:
            why = "split names are words of the folders' names, in small letters"
            findings.guessed("name of a split", split, why, example=name, option="rename it")
        if split_of(name) == "train" and split != "train":
            what, why = "samples for training that are not used", "only the split train is"
            option = f"put the {tree.kind.plural} into the folder for training"
            findings.warned(what, why, example=f"{name}/", option=option)
    with_files = {file.parts[0] for file in tree.files}
    for folder in tree.folders:
        if splits and len(folder) == 1 and folder[0] not in with_files:
            why = f"no {tree.kind.plural} are in it"
            findings.left_out("folders beside the splits", why, example=folder[0])
        if _is_class(folder, splits) and not _is_composed(folder):
            what, why = "names of class folders", "names that look alike are one class"
            value, example = "read in Unicode's composed form", "/".join(folder)
            findings.guessed(what, value, why, example=example, option="rename the folder")


def _is_composed(folder: Parts) -> bool:
    return normalize("NFC", folder[-1]) == folder[-1]
