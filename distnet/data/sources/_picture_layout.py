"""Which split and class each picture of a folder belongs to, by the folders that it is in.

Classes are the first folders; or, where there is a folder called `train` with folders inside, those
in the folder of each split. Deeper folders belong to their class.
"""

import re
from collections import defaultdict
from unicodedata import normalize

from distnet.data.import_summary import Findings
from distnet.data.sources._picture_tree import Parts, Picture, PictureTree
from distnet.data.sources._splits import split_of
from distnet.errors import DataError

Layout = str
"""What the first folders are: `classes` or `splits`."""
Classes = dict[str, list[Picture]]
"""The pictures of each class."""
_OPTION = "--layout classes|splits"


def sort_pictures(
    tree: PictureTree, layout: Layout | None, findings: Findings
) -> dict[str, Classes]:
    """Give each picture its split and class; report those that have none.

    Args:
        tree: the pictures.
        layout: what the first folders are; None decides by their names.
        findings: of the import.

    Returns:
        One split called `all` where the first folders are classes. A class without pictures is
        listed if it has a folder.

    Raises:
        DataError: there is no folder for training, or the name of a class is not valid Unicode.
    """
    if layout is None and _has_splits_in_classes(tree):
        why = "each folder holds folders called train, test, ..."
        findings.guessed("layout", "splits inside of classes", why, option=_OPTION)
        tree, layout = _turned(tree), "splits"
    splits = _choose_splits(tree, layout)
    if layout is None:
        _report_layout(splits, findings)
    _report_names(tree, splits, findings)
    return _sort(tree, splits, findings)


def _sort(tree: PictureTree, splits: dict[str, str], findings: Findings) -> dict[str, Classes]:
    found: dict[str, Classes] = defaultdict(dict)
    depth = _class_depth(splits)
    for folder in tree.folders:
        if _is_class(folder, splits):
            found[splits.get(folder[0], "all")].setdefault(_class_name(folder[depth]), [])
    for picture in tree.pictures:
        parts, example = picture.parts, "/".join(picture.parts)
        fault = _why_of_no_class(parts, splits)
        if fault is not None:
            findings.left_out("pictures", fault, example=example, option=_OPTION)
            continue
        if len(parts) > depth + 2:
            what = "pictures in deeper folders"
            why = f"the {'second' if splits else 'first'} folder of a path names the class"
            findings.guessed(what, "read with their class", why, example=example, option=_OPTION)
        found[splits.get(parts[0], "all")][_class_name(parts[depth])].append(picture)
    return dict(found)


def _class_depth(splits: dict[str, str]) -> int:
    return 1 if splits else 0


def _is_class(folder: Parts, splits: dict[str, str]) -> bool:
    return len(folder) == _class_depth(splits) + 1 and (not splits or folder[0] in splits)


def _why_of_no_class(parts: Parts, splits: dict[str, str]) -> str | None:
    if splits and len(parts) > 1 and parts[0] not in splits:
        return f"{parts[0]}/ lies beside train/, but is not named as a split is"
    if len(parts) < _class_depth(splits) + 2:
        return "they are in no class folder"
    return None


def _class_name(folder: str) -> str:
    try:
        folder.encode("utf-8")
    except UnicodeEncodeError:
        raise DataError(f"{folder!r}: the name of this folder is not UTF-8; rename it") from None
    return normalize("NFC", folder)


def _choose_splits(tree: PictureTree, layout: Layout | None) -> dict[str, str]:
    """The first folders that are splits, and what these are called; none if they are classes."""
    inner = _folders_with_pictures(tree)
    trains = sorted(f for f, classes in inner.items() if classes and split_of(f) == "train")
    if layout == "splits" and not trains:
        raise DataError("--layout splits: found no folder called train with class folders inside")
    if layout == "classes" or not trains:
        return {}
    train = min(trains, key=lambda folder: (folder.lower() != "train", folder))
    others = [folder for folder in inner if folder != train]
    chosen = [
        folder
        for folder in others
        if split_of(folder) or inner[folder] & inner[train] or layout == "splits"
    ]
    if layout is None and others and not chosen and _is_class_called_train(tree, inner, train):
        return {}
    return _named([train, *chosen])


def _is_class_called_train(tree: PictureTree, inner: dict[str, set[str]], train: str) -> bool:
    """Whether `train` is one class of several, such as those of vehicles.

    Raises:
        DataError: it could as well be a split.
    """
    if any(len(p.parts) == 2 and p.parts[0] == train for p in tree.pictures):
        return True
    unlike = [folder for folder in inner if folder != train and inner[folder]]
    if unlike:
        raise DataError(
            f"found the folders {train}/ and {unlike[0]}/ with different folders inside; choose "
            f"what they are: {_OPTION}"
        )
    return False


def _named(folders: list[str]) -> dict[str, str]:
    """Name the splits after the first words of the folders; after the whole where two agree."""
    splits: dict[str, str] = {}
    for folder in sorted(folders, key=lambda folder: (folder.lower() != split_of(folder), folder)):
        split = split_of(folder)
        is_new = split is not None and split not in splits.values()
        splits[folder] = split if split and is_new else _as_split_name(folder, splits)
    return dict(sorted(splits.items()))


def _as_split_name(folder: str, splits: dict[str, str]) -> str:
    name = re.sub(r"[^A-Za-z0-9_-]+", "-", folder).strip("-_") or "split"
    return name if name not in splits.values() else f"{name}-{len(splits)}"


def _folders_with_pictures(tree: PictureTree) -> dict[str, set[str]]:
    """The first folders below which there are pictures, with their folders that have some."""
    inner: dict[str, set[str]] = {}
    for picture in tree.pictures:
        if len(picture.parts) > 1:
            classes = inner.setdefault(picture.parts[0], set())
            classes.update(picture.parts[1:-1][:1])
    return inner


def _has_splits_in_classes(tree: PictureTree) -> bool:
    """Whether every picture is in a folder called train, test, ... of one of several classes."""
    inner = _folders_with_pictures(tree)
    names = {name for folders in inner.values() for name in folders}
    return (
        len(inner) > 1
        and "train" in names
        and all(split_of(name) == name for name in names)
        and all(len(picture.parts) > 2 for picture in tree.pictures)
    )


def _turned(tree: PictureTree) -> PictureTree:
    """Put the second folder first."""
    pictures = [Picture(_swapped(picture.parts), picture.file) for picture in tree.pictures]
    folders = {_swapped(folder) for folder in tree.folders if len(folder) > 1}
    tops = {folder[:1] for folder in folders}
    return PictureTree(tuple(sorted(pictures)), tuple(sorted(folders | tops)))


def _swapped(parts: Parts) -> Parts:
    return (parts[1], parts[0], *parts[2:])


def _report_layout(splits: dict[str, str], findings: Findings) -> None:
    if splits:
        why = "there is a folder called train with folders inside"
        findings.guessed("layout", "a folder a split, in it a folder a class", why, option=_OPTION)
    else:
        why = "there is no folder called train with class folders inside"
        findings.guessed("layout", "a folder a class", why, option=_OPTION)


def _report_names(tree: PictureTree, splits: dict[str, str], findings: Findings) -> None:
    for name, split in splits.items():
        if name != split:
            why = "split names are the first words of folders, in small letters"
            findings.guessed("name of a split", split, why, example=name, option="rename it")
    with_pictures = {picture.parts[0] for picture in tree.pictures}
    for folder in tree.folders:
        if splits and len(folder) == 1 and folder[0] not in with_pictures:
            why = "no pictures are in it"
            findings.left_out("folders beside the splits", why, example=folder[0])
        if _is_class(folder, splits) and not _is_composed(folder):
            what, why = "names of class folders", "names that look alike are one class"
            value, example = "read in Unicode's composed form", "/".join(folder)
            findings.guessed(what, value, why, example=example, option="rename the folder")


def _is_composed(folder: Parts) -> bool:
    return normalize("NFC", folder[-1]) == folder[-1]
