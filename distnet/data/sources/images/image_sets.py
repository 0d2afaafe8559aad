"""Which image of a folder in the form of Pascal VOC belongs to which split.

`ImageSets/Main/train.txt` and its neighbours list the names of images without their suffix, one a
line. Lists of one class (`cat_train.txt`) are left out, and so is `trainval.txt` where the lists
that it joins are there.
"""

from pathlib import Path

from distnet.data.survey.summary import Findings
from distnet.errors import DataError

SPLITS = ("train", "val", "test")
BOTH = "trainval"
OPTION = "rename the lists"


def read_image_sets(path: Path, names: set[str], findings: Findings) -> dict[str, list[str]]:
    """The names of the images of each split; one split called `all` where there are no lists.

    Args:
        path: the folder with `ImageSets`.
        names: of all images and annotations.
        findings: of the import.

    Raises:
        DataError: a list names an image that is not there, or there is none for training.
    """
    folder = path / "ImageSets" / "Main"
    lists = {file.stem: file for file in sorted(folder.glob("*.txt"))}
    chosen = {split: lists[split] for split in SPLITS if split in lists}
    if "train" not in chosen and BOTH in lists:
        chosen = {"train": lists[BOTH], **{k: v for k, v in chosen.items() if k != "val"}}
    if not lists:
        return {"all": sorted(names)}
    if "train" not in chosen:
        raise DataError(
            f"{folder}: found {', '.join(sorted(lists))}, expected a list train.txt; add it, or "
            "move the folder ImageSets away to have a test split cut out"
        )
    for file in set(lists.values()) - set(chosen.values()):
        why = "they join other lists, or are of one class"
        findings.left_out("lists of images", why, example=str(file), option=OPTION)
    splits = {split: _read(file, names, findings) for split, file in chosen.items()}
    for split, listed in splits.items():
        if not listed:
            raise DataError(f"{chosen[split]}: an empty list; add names of images, or remove it")
    unlisted = names - {name for found in splits.values() for name in found}
    if unlisted:
        why = f"none of {', '.join(file.name for file in chosen.values())} lists them"
        findings.left_out("images", why, example=min(unlisted), count=len(unlisted))
    return splits


def _read(file: Path, names: set[str], findings: Findings) -> list[str]:
    """The names of a list, each once; a second column, as lists of a class have it, is ignored."""
    found: dict[str, int] = {}
    for number, line in enumerate(_text(file).splitlines(), 1):
        name = line.split()[0] if line.split() else ""
        if name in found:
            findings.left_out("names", "they stand twice in a list", example=f"{file}:{number}")
        elif name and name not in names:
            raise DataError(
                f"{file}:{number}: found the name {name!r}, of which there is neither an image "
                f"nor an annotation; {_remedy(name, names)}"
            )
        elif name:
            found[name] = number
    return list(found)


def _text(file: Path) -> str:
    try:
        return file.read_text(encoding="utf-8")
    except UnicodeDecodeError as error:
        raise DataError(
            f"{file}: not UTF-8 at byte {error.start}; save the list as UTF-8"
        ) from None
    except OSError as error:
        raise DataError(f"{file}: cannot be read ({error.strerror}); repair it") from None


def _remedy(name: str, names: set[str]) -> str:
    stem = Path(name).stem
    return f"write {stem!r}, without a suffix" if stem in names else "add both, or remove the line"
