"""Images and masks that belong together, by the folders and the names of their files."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from distnet.data.sources.files.kinds import IMAGES
from distnet.data.sources.files.tree import File, FileTree, Parts, list_files
from distnet.data.sources.files.unreadable import Unreadable
from distnet.data.survey.summary import Findings
from distnet.errors import DataError

IMAGE_FOLDERS = (
    *("images", "image", "imgs", "img", "jpegimages", "photos", "pictures", "inputs", "input"),
)
MASK_FOLDERS = (
    *("masks", "mask", "labels", "label", "annotations", "annotation", "segmentations"),
    *("segmentation", "segmentationclass", "groundtruth", "ground_truth", "gt", "targets"),
)
"""What the folders are called, in small letters."""
OPTION = "--images NAME --masks NAME"


@dataclass(frozen=True)
class Pair:
    """An image and its mask."""

    key: Parts
    """The folders above them besides their own two, and the name without its suffix."""
    image: Path
    mask: Path


def has_pairs(path: Path) -> bool:
    """Whether a folder has one of images and one of masks, and two files of the same name."""
    findings = Findings()
    tree = list_files(path, findings, Unreadable(findings, skip=True), IMAGES)
    names = _names(tree)
    if names is None:
        return False
    images, masks = (dict(_keyed(tree.files, name)) for name in names)
    return bool(images.keys() & masks.keys())


def find_pairs(
    path: Path,
    tree: FileTree,
    given: tuple[str | None, str | None],
    findings: Findings,
    unreadable: Unreadable,
) -> list[Pair]:
    """Pair the images of a folder with their masks.

    Args:
        path: the folder.
        tree: all that lie in it.
        given: the names of the folders of images and of masks, where they are set.
        findings: of the import.
        unreadable: gets those without a partner.

    Raises:
        DataError: there is no such folder, or two files of the same name.
    """
    names = _names(tree, given)
    if names is None:
        raise DataError(
            f"{path}: found no folder of images beside one of masks, such as images/ and masks/; "
            f"name them: {OPTION}"
        )
    if None in given:
        why = "these are names of folders of images and masks"
        findings.guessed("folders", f"{names[0]} and {names[1]}", why, option=OPTION)
    images, masks = (_by_key(tree.files, name) for name in names)
    for key in sorted(images.keys() ^ masks.keys()):
        file = images.get(key) or masks[key]
        what, other = ("mask", names[1]) if key in images else ("image", names[0])
        unreadable.add(
            str(file),
            DataError(f"{file}: has no {what} of the same name in {other}/; add or remove one"),
        )
    for found in tree.files:
        if not {*names} & {*found.parts[:-1]}:
            why = f"they are neither in a folder {names[0]} nor in {names[1]}"
            example = "/".join(found.parts)
            findings.left_out("images", why, example=example, option=OPTION)
    return [Pair(key, images[key], masks[key]) for key in sorted(images.keys() & masks.keys())]


def _names(
    tree: FileTree, given: tuple[str | None, str | None] = (None, None)
) -> tuple[str, str] | None:
    """The names of the folders of images and of masks; None where there are none."""
    folders = {name for file in tree.files for name in file.parts[:-1]}
    found = [
        name or next((f for w in words for f in sorted(folders) if f.lower() == w), None)
        for name, words in zip(given, (IMAGE_FOLDERS, MASK_FOLDERS), strict=True)
    ]
    images, masks = found
    return (images, masks) if images in folders and masks in folders and images and masks else None


def _by_key(files: Iterable[File], name: str) -> dict[Parts, Path]:
    found: dict[Parts, Path] = {}
    for key, file in _keyed(files, name):
        if key in found:
            raise DataError(
                f"{found[key]} and {file.name}: two files of one name, expected one; remove one"
            )
        found[key] = file
    return found


def _keyed(files: Iterable[File], name: str) -> Iterator[tuple[Parts, Path]]:
    """The files in folders called `name`, by their other folders and the name without suffix."""
    for file in files:
        folders = file.parts[:-1]
        if name in folders:
            at = folders.index(name)
            yield (*folders[:at], *folders[at + 1 :], Path(file.parts[-1]).stem), file.path
