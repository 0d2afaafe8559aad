"""Which of the first folders are splits, by their names and by what they hold."""

import re
from collections import defaultdict
from collections.abc import Callable
from dataclasses import replace

from distnet.data.sources._splits import is_split_name, split_of
from distnet.data.sources.files.tree import File, FileTree, Parts
from distnet.data.survey.summary import Findings
from distnet.errors import DataError

OPTION = "--layout classes|splits"
_SPLIT_LIKE = re.compile("train|test|valid", re.IGNORECASE)


def choose_splits(tree: FileTree, layout: str | None) -> dict[str, str]:
    """The first folders that are splits, and what these are called; none if they are classes.

    Raises:
        DataError: there is no folder for training, more than one, or the folders could be either.
    """
    inner = _folders_with_files(tree)
    trains = sorted(f for f, classes in inner.items() if classes and split_of(f) == "train")
    if layout == "splits" and not trains:
        raise DataError("--layout splits: found no folder called train with class folders inside")
    if layout is None and not trains:
        _refuse_splits_without_classes(inner, tree.kind.plural)
        _refuse_splits_without_training(inner)
    if layout == "classes" or not trains:
        return {}
    train = _training_folder(trains, tree.kind.plural)
    others = [folder for folder in inner if folder != train]
    if layout is None and not any(map(split_of, others)) and _is_one_of_classes(tree, inner, train):
        return {}
    chosen = [f for f in others if split_of(f) or inner[f] & inner[train] or layout == "splits"]
    return _named([train, *chosen])


def _refuse_splits_without_classes(inner: dict[str, set[str]], what: str) -> None:
    """Refuse `train/1.png` and `test/2.png`: their folders would become the classes."""
    named = sorted(filter(is_split_name, inner))
    if len(named) > 1 and any(split_of(folder) == "train" for folder in named):
        raise DataError(
            f"found {what} in {' and '.join(f'{folder}/' for folder in named)}, but no class "
            f"folders there; put the {what} of each class into a folder of its own, such as "
            f"{named[-1]}/cat/; or if these are the classes: --layout classes"
        )


def _refuse_splits_without_training(inner: dict[str, set[str]]) -> None:
    """Refuse `Testdaten/cat` and `Lerndaten/cat`, where some name looks like that of a split."""
    for folder in sorted(filter(_SPLIT_LIKE.search, inner)):
        shared = [f for f in sorted(inner) if f != folder and inner[f] & inner[folder]]
        if shared:
            raise DataError(
                f"found {folder}/ and {shared[0]}/ with folders of the same names inside, but no "
                f"folder called train; if they are splits, call one of them train; if they are "
                "the classes: --layout classes"
            )


def shared_names(tree: FileTree) -> list[str]:
    """Folders of the same name in several of the first folders: `images/a` and `masks/a`."""
    parents = defaultdict(list)
    for folder, names in _folders_with_files(tree).items():
        for name in sorted(names):
            parents[name].append(f"{folder}/{name}")
    return [f"{two[0]} and {two[1]}" for _, two in sorted(parents.items()) if len(two) > 1]


def _training_folder(trains: list[str], what: str) -> str:
    """The folder for training, among those whose names say so."""
    exact = list(filter(is_split_name, trains)) or trains
    if len(exact) > 1:
        raise DataError(
            f"found several folders for training: {', '.join(f'{folder}/' for folder in exact)}; "
            f"put their {what} into one folder called train; or if they are classes: "
            "--layout classes"
        )
    return exact[0]


def _is_one_of_classes(tree: FileTree, inner: dict[str, set[str]], train: str) -> bool:
    """Whether the folder `train` is one class of several, such as those of vehicles.

    No other folder is named as a split is.

    Raises:
        DataError: it could as well be a split.
    """
    others = [folder for folder in inner if folder != train]
    is_alike = any(inner[folder] & inner[train] for folder in others)
    has_files = any(len(p.parts) == 2 and p.parts[0] == train for p in tree.files)
    if others and has_files and not is_alike:
        return True
    unclear = [folder for folder in others if inner[folder]]
    if unclear:
        raise DataError(
            f"found the folders {train}/ and {unclear[0]}/, both with folders inside; choose what "
            f"they are: {OPTION}"
        )
    return False


def _named(folders: list[str]) -> dict[str, str]:
    """Name the splits after the words of the folders; after the whole where two agree."""
    splits: dict[str, str] = {}
    for folder in sorted(folders, key=lambda folder: (not is_split_name(folder), folder)):
        split = split_of(folder)
        is_new = split is not None and split not in splits.values()
        splits[folder] = split if split and is_new else _as_split_name(folder, splits)
    return dict(sorted(splits.items()))


def _as_split_name(folder: str, splits: dict[str, str]) -> str:
    name = re.sub(r"[^A-Za-z0-9_-]+", "-", folder).strip("-_") or "split"
    return name if name not in splits.values() else f"{name}-{len(splits)}"


def unwrapped(tree: FileTree, findings: Findings) -> FileTree:
    """Take out folders in between: `seg_train/seg_train/cat` is read as `seg_train/cat`."""
    inner = _folders_with_files(tree)
    extra = {
        (folder, *names)
        for folder, names in inner.items()
        if len(names) == 1 and split_of(folder) and split_of(*names) and _is_deep(tree, folder)
    }
    for parts in sorted(extra):
        why = "nothing else is in the folder above"
        example = "/".join(parts)
        findings.guessed("folders in between", "passed over", why, example=example, option=OPTION)
    return _moved(tree, lambda parts: parts[:1] + parts[2:] if parts[:2] in extra else parts)


def _is_deep(tree: FileTree, folder: str) -> bool:
    return all(len(p.parts) > 3 for p in tree.files if p.parts[0] == folder)


def splits_in_classes(tree: FileTree) -> FileTree | None:
    """Put splits first where every class holds folders called train, test, ...; else None.

    Raises:
        DataError: some classes hold such folders, others do not.
    """
    inner = _folders_with_files(tree)
    names = {name for folders in inner.values() for name in folders}
    exact = set(filter(is_split_name, names))
    if len(inner) < 2 or len(exact) < 2 or "train" not in map(split_of, exact):
        return None
    if any(split_of(folder) == "train" for folder in inner):
        return None
    others = [p for p in tree.files if len(p.parts) < 3 or p.parts[1] not in exact]
    if others:
        folder, name = min((f, n) for f, found in inner.items() for n in found & exact)
        raise DataError(
            f"found {folder}/{name}/, which is named as a split is, but "
            f"{'/'.join(others[0].parts)} is in none; put it into one, or read all "
            f"{tree.kind.plural} with their class: --layout classes"
        )
    turned = _moved(tree, lambda parts: (*parts[1:2], *parts[:1], *parts[2:]))
    inside = {folder for folder in turned.folders if len(folder) > 1}
    tops = {folder[:1] for folder in inside}
    return replace(turned, folders=tuple(sorted(inside | tops)))


def _moved(tree: FileTree, move: Callable[[Parts], Parts]) -> FileTree:
    """The tree with other paths; the files stay where they are."""
    files = sorted(File(move(file.parts), file.path) for file in tree.files)
    folders = {move(folder) for folder in tree.folders}
    return replace(tree, files=tuple(files), folders=tuple(sorted(folders)))


def _folders_with_files(tree: FileTree) -> dict[str, set[str]]:
    """The first folders below which there are files, with their folders that have some."""
    inner: dict[str, set[str]] = {}
    for file in tree.files:
        if len(file.parts) > 1:
            classes = inner.setdefault(file.parts[0], set())
            classes.update(file.parts[1:-1][:1])
    return inner
