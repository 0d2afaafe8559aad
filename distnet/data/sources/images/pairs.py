"""Images and masks that belong together, by the folders and the names of their files."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from distnet.data.sources.images.tree import ImageTree, Parts, Picture, list_images
from distnet.data.sources.images.unreadable import Unreadable
from distnet.data.survey.summary import Findings
from distnet.errors import DataError

IMAGES = ("images", "image", "imgs", "img", "jpegimages", "photos", "pictures", "inputs", "input")
MASKS = (
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
    tree = list_images(path, findings, Unreadable(findings, skip=True))
    names = _names(tree)
    if names is None:
        return False
    images, masks = (dict(_keyed(tree.pictures, name)) for name in names)
    return bool(images.keys() & masks.keys())


def find_pairs(
    path: Path,
    tree: ImageTree,
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
    images, masks = (_by_key(tree.pictures, name) for name in names)
    for key in sorted(images.keys() ^ masks.keys()):
        file = images.get(key) or masks[key]
        what, other = ("mask", names[1]) if key in images else ("image", names[0])
        unreadable.add(
            str(file),
            DataError(f"{file}: has no {what} of the same name in {other}/; add or remove one"),
        )
    for picture in tree.pictures:
        if not {*names} & {*picture.parts[:-1]}:
            why = f"they are neither in a folder {names[0]} nor in {names[1]}"
            example = "/".join(picture.parts)
            findings.left_out("images", why, example=example, option=OPTION)
    return [Pair(key, images[key], masks[key]) for key in sorted(images.keys() & masks.keys())]


def _names(
    tree: ImageTree, given: tuple[str | None, str | None] = (None, None)
) -> tuple[str, str] | None:
    """The names of the folders of images and of masks; None where there are none."""
    folders = {name for picture in tree.pictures for name in picture.parts[:-1]}
    found = [
        name or next((f for w in words for f in sorted(folders) if f.lower() == w), None)
        for name, words in zip(given, (IMAGES, MASKS), strict=True)
    ]
    images, masks = found
    return (images, masks) if images in folders and masks in folders and images and masks else None


def _by_key(pictures: Iterable[Picture], name: str) -> dict[Parts, Path]:
    found: dict[Parts, Path] = {}
    for key, file in _keyed(pictures, name):
        if key in found:
            raise DataError(
                f"{found[key]} and {file.name}: two files of one name, expected one; remove one"
            )
        found[key] = file
    return found


def _keyed(pictures: Iterable[Picture], name: str) -> Iterator[tuple[Parts, Path]]:
    """The files in folders called `name`, by their other folders and the name without suffix."""
    for picture in pictures:
        folders = picture.parts[:-1]
        if name in folders:
            at = folders.index(name)
            yield (*folders[:at], *folders[at + 1 :], Path(picture.parts[-1]).stem), picture.file
